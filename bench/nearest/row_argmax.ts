import { defineKernel, WORD_BYTES } from "../../kernels/kernel.ts";

export const rowArgmax = defineKernel({
  name: "row_argmax",
  source: new URL("./row_argmax.wgsl", import.meta.url),
  uses: [],
  bindings: { x: "read", index: "write" },
  params: { rows: "u32", cols: "u32" },
  consts: { WG: [64, 256] },
  grid: ({ rows }) => [rows],
  cost: ({ rows, cols }) => ({ flops: 0, bytes: WORD_BYTES * (rows * cols + rows) }),
});
