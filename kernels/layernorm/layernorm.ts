import { defineKernel, ELEMENT, WORD_BYTES } from "../kernel.ts";
import { rowKernel, rowKernelWith } from "../lib/rows.ts";

export const layernorm = defineKernel({
  name: "layernorm",
  source: new URL("./layernorm.wgsl", import.meta.url),
  ...rowKernelWith("rounded"),
  bindings: { x: "read", gain: "read", bias: "read", y: "write", mean: "write", rstd: "write" },
  params: { rows: "u32", eps: "f32" },
  reorders: ["LANES"],
  options: { WIDTH: [1], VECTOR: [1, 4], ELEMENT_X: ELEMENT, ELEMENT_Y: ELEMENT },
  cost: ({ rows, WIDTH, VECTOR, ELEMENT_X, ELEMENT_Y }) => ({
    flops: 8 * rows * WIDTH * VECTOR,
    bytes:
      ((ELEMENT_X + ELEMENT_Y) / 8) * rows * WIDTH * VECTOR +
      WORD_BYTES * (2 * WIDTH * VECTOR + 2 * rows),
  }),
});

export const layernormGrad = defineKernel({
  name: "layernorm_grad",
  source: new URL("./layernorm_grad.wgsl", import.meta.url),
  ...rowKernel,
  bindings: {
    dy: "read",
    x: "read",
    gain: "read",
    mean: "read",
    rstd: "read",
    dx: "write",
    dgain: "write",
  },
  params: { rows: "u32" },
  reorders: ["LANES"],
  options: { WIDTH: [1], VECTOR: [1, 4], ELEMENT_X: ELEMENT },
  cost: ({ rows, WIDTH, VECTOR, ELEMENT_X }) => ({
    flops: 14 * rows * WIDTH * VECTOR,
    bytes:
      (ELEMENT_X / 8) * rows * WIDTH * VECTOR +
      WORD_BYTES * (3 * rows * WIDTH * VECTOR + WIDTH * VECTOR + 2 * rows),
  }),
});
