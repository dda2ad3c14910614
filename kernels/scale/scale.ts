import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const scale = defineKernel({
  name: "scale",
  source: new URL("./scale.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { x: "read", y: "write" },
  params: { count: "u32", factor: "f32" },
  consts: { WG: [64, 256], ITEMS: [4, 1] },
  options: { VECTOR: [1, 4] },
  grid: ({ count, WG, ITEMS }) => spread(Math.ceil(count / (WG * ITEMS))),
  cost: ({ count, VECTOR }) => ({ flops: count * VECTOR, bytes: 2 * WORD_BYTES * count * VECTOR }),
});
