import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const padCols = defineKernel({
  name: "pad_cols",
  source: new URL("./pad_cols.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { x: "read", y: "write" },
  params: { rows: "u32", cols: "u32", padded: "u32" },
  consts: { WG: [256, 64] },
  grid: ({ rows, padded, WG }) => spread(Math.ceil((rows * padded) / WG)),
  cost: ({ rows, cols, padded }) => ({ flops: 0, bytes: WORD_BYTES * rows * (cols + padded) }),
});
