import { defineKernel, WORD_BYTES } from "../kernel.ts";

export const sumRows = defineKernel({
  name: "sum_rows",
  source: new URL("./sum_rows.wgsl", import.meta.url),
  uses: [],
  bindings: { x: "read", y: "write" },
  params: { rows: "u32", cols: "u32", span: "u32" },
  consts: { WG: [32, 256] },
  options: { VECTOR: [1, 4] },
  grid: ({ rows, cols, span, WG }) => [Math.ceil(cols / WG), Math.ceil(rows / span)],
  cost: ({ rows, cols, span, VECTOR }) => ({
    flops: rows * cols * VECTOR,
    bytes: WORD_BYTES * cols * VECTOR * (rows + Math.ceil(rows / span)),
  }),
});
