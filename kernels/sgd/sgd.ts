import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const sgd = defineKernel({
  name: "sgd",
  source: new URL("./sgd.wgsl", import.meta.url),
  uses: ["index"],
  bindings: {
    gradient: "read",
    schedule: "read",
    factor: "read",
    parameter: "update",
    momentum: "update",
  },
  params: { count: "u32", keep: "f32", decay: "f32" },
  consts: { WG: [64, 256] },
  options: { VECTOR: [1, 4] },
  grid: ({ count, WG }) => spread(Math.ceil(count / WG)),
  cost: ({ count, VECTOR }) => ({
    flops: 7 * count * VECTOR,
    bytes: WORD_BYTES * 5 * count * VECTOR,
  }),
});
