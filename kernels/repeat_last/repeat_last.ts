import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const repeatLast = defineKernel({
  name: "repeat_last",
  source: new URL("./repeat_last.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { x: "read", y: "write" },
  params: { rows: "u32", cols: "u32" },
  consts: { WG: [64, 256], ITEMS: [4, 1] },
  options: { VECTOR: [1, 4] },
  grid: ({ rows, cols, WG, ITEMS }) => spread(Math.ceil((Math.ceil(rows / ITEMS) * cols) / WG)),
  cost: ({ rows, cols, VECTOR }) => ({ flops: 0, bytes: WORD_BYTES * rows * (1 + cols * VECTOR) }),
});
