import { defineKernel, ELEMENT, WORD_BYTES } from "../kernel.ts";
import { rowKernelWith } from "../lib/rows.ts";

export const unitRows = defineKernel({
  name: "unit_rows",
  source: new URL("./unit_rows.wgsl", import.meta.url),
  ...rowKernelWith("unit_row", "rounded"),
  bindings: { x: "read", y: "write", norm: "write" },
  params: { rows: "u32" },
  reorders: ["LANES"],
  options: { WIDTH: [1], VECTOR: [1, 4], ELEMENT_X: ELEMENT, ELEMENT_Y: ELEMENT },
  cost: ({ rows, WIDTH, VECTOR, ELEMENT_X, ELEMENT_Y }) => ({
    flops: 3 * rows * WIDTH * VECTOR,
    bytes: ((ELEMENT_X + ELEMENT_Y) / 8) * rows * WIDTH * VECTOR + WORD_BYTES * rows,
  }),
});

export const unitRowsGrad = defineKernel({
  name: "unit_rows_grad",
  source: new URL("./unit_rows_grad.wgsl", import.meta.url),
  ...rowKernelWith("rounded"),
  bindings: { dy: "read", y: "read", norm: "read", dx: "write" },
  params: { rows: "u32" },
  reorders: ["LANES"],
  options: { WIDTH: [1], VECTOR: [1, 4], ELEMENT_DX: ELEMENT },
  cost: ({ rows, WIDTH, VECTOR, ELEMENT_DX }) => ({
    flops: 5 * rows * WIDTH * VECTOR,
    bytes:
      (ELEMENT_DX / 8) * rows * WIDTH * VECTOR + WORD_BYTES * (2 * rows * WIDTH * VECTOR + rows),
  }),
});
