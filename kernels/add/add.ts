import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const add = defineKernel({
  name: "add",
  source: new URL("./add.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { x: "read", y: "read", z: "write" },
  params: { count: "u32", period: "u32" },
  consts: { WG: [64, 256], ITEMS: [4, 1] },
  options: { REPEAT: [0, 1], VECTOR: [1, 4] },
  grid: ({ count, WG, ITEMS }) => spread(Math.ceil(count / (WG * ITEMS))),
  cost: ({ count, period, VECTOR }) => ({
    flops: count * VECTOR,
    bytes: WORD_BYTES * VECTOR * (2 * count + period),
  }),
});
