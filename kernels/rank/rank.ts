import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const rank = defineKernel({
  name: "rank",
  source: new URL("./rank.wgsl", import.meta.url),
  uses: ["index", "workgroup_sum"],
  bindings: { scores: "read", own: "read", rank: "write" },
  params: { B: "u32", P: "u32", margin: "f32" },
  consts: { WG: [64, 256] },
  grid: ({ B }) => spread(B),
  cost: ({ B, P }) => ({ flops: B * P, bytes: WORD_BYTES * B * (P + 2) }),
});
