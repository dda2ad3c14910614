import { defineKernel, ELEMENT, WORD_BYTES } from "../kernel.ts";
import { rowKernelWith } from "../lib/rows.ts";

export const unitRows = defineKernel({
  name: "unit_rows",
  source: new URL("./unit_rows.wgsl", import.meta.url),
  ...rowKernelWith("unit_row"),
  bindings: { x: "read", y: "write", norm: "write" },
  params: { rows: "u32" },
  reorders: ["LANES"],
  options: { WIDTH: [1], VECTOR: [1, 4] },
  cost: ({ rows, WIDTH, VECTOR }) => ({
    flops: 3 * rows * WIDTH * VECTOR,
    bytes: WORD_BYTES * (2 * rows * WIDTH * VECTOR + rows),
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
