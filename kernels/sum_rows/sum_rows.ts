import { defineKernel, WORD_BYTES } from "../kernel.ts";

export const sumRows = defineKernel({
  name: "sum_rows",
  source: new URL("./sum_rows.wgsl", import.meta.url),
  uses: [],
  bindings: { x: "read", y: "write" },
  params: { rows: "u32", cols: "u32", span: "u32" },
  consts: { WG: [64, 256] },
  grid: ({ rows, cols, span, WG }) => [Math.ceil(cols / WG), Math.ceil(rows / span)],
  cost: ({ rows, cols, span }) => ({
    flops: rows * cols,
    bytes: WORD_BYTES * cols * (rows + Math.ceil(rows / span)),
  }),
});
