import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const unitRows = defineKernel({
  name: "unit_rows",
  source: new URL("./unit_rows.wgsl", import.meta.url),
  uses: ["index", "lanes", "vector_dot"],
  bindings: { x: "read", y: "write", norm: "write" },
  params: { rows: "u32", cols: "u32" },
  consts: { WG: [64], LANES: [8, 32] },
  reorders: ["LANES"],
  options: { VECTOR: [1, 4] },
  grid: ({ rows, WG, LANES }) => spread(Math.ceil(rows / (WG / LANES))),
  cost: ({ rows, cols, VECTOR }) => ({
    flops: 3 * rows * cols * VECTOR,
    bytes: WORD_BYTES * (2 * rows * cols * VECTOR + rows),
  }),
});

export const unitRowsGrad = defineKernel({
  name: "unit_rows_grad",
  source: new URL("./unit_rows_grad.wgsl", import.meta.url),
  uses: ["index", "lanes", "vector_dot"],
  bindings: { dy: "read", y: "read", norm: "read", dx: "write" },
  params: { rows: "u32", cols: "u32" },
  consts: { WG: [64], LANES: [8, 32] },
  reorders: ["LANES"],
  options: { VECTOR: [1, 4] },
  grid: ({ rows, WG, LANES }) => spread(Math.ceil(rows / (WG / LANES))),
  cost: ({ rows, cols, VECTOR }) => ({
    flops: 5 * rows * cols * VECTOR,
    bytes: WORD_BYTES * (3 * rows * cols * VECTOR + rows),
  }),
});
