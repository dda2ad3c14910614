import { defineKernel, WORD_BYTES } from "../kernel.ts";

export const lossScale = defineKernel({
  name: "loss_scale",
  source: new URL("./loss_scale.wgsl", import.meta.url),
  uses: ["workgroup_sum"],
  bindings: { parts: "read", scale: "update", steps: "update", factor: "write" },
  params: { count: "u32", limit: "f32", interval: "u32" },
  consts: { WG: [256] },
  grid: () => [1],
  cost: ({ count }) => ({ flops: count, bytes: WORD_BYTES * (count + 3) }),
});
