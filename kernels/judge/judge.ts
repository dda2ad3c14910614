import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const judge = defineKernel({
  name: "judge",
  source: new URL("./judge.wgsl", import.meta.url),
  uses: ["index", "workgroup_sum"],
  bindings: {
    scores: "read",
    own: "read",
    count: "read",
    pairs: "read",
    ranks: "update",
    kept: "write",
  },
  params: { B: "u32", P: "u32", count_at: "u32", momentum: "f32", share: "f32" },
  consts: { WG: [64, 256] },
  grid: ({ B }) => spread(B),
  cost: ({ B, P }) => ({ flops: B * P, bytes: WORD_BYTES * B * (P + 5) }),
});
