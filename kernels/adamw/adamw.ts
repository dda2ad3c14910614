import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const adamw = defineKernel({
  name: "adamw",
  source: new URL("./adamw.wgsl", import.meta.url),
  uses: ["index"],
  bindings: {
    gradient: "read",
    schedule: "read",
    factor: "read",
    parameter: "update",
    first: "update",
    second: "update",
  },
  params: {
    count: "u32",
    one_minus_beta1: "f32",
    beta2: "f32",
    one_minus_beta2: "f32",
    eps: "f32",
    decay: "f32",
  },
  consts: { WG: [64, 256], ITEMS: [4, 1] },
  options: { VECTOR: [1, 4] },
  grid: ({ count, WG, ITEMS }) => spread(Math.ceil(count / (WG * ITEMS))),
  cost: ({ count, VECTOR }) => ({
    flops: 16 * count * VECTOR,
    bytes: WORD_BYTES * (7 * count * VECTOR + 4),
  }),
});
