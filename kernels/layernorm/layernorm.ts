import { defineKernel, WORD_BYTES } from "../kernel.ts";
import { rowKernel } from "../lib/rows.ts";

export const layernorm = defineKernel({
  name: "layernorm",
  source: new URL("./layernorm.wgsl", import.meta.url),
  ...rowKernel,
  bindings: { x: "read", gain: "read", bias: "read", y: "write", mean: "write", rstd: "write" },
  params: { rows: "u32", eps: "f32" },
  reorders: ["LANES"],
  options: { WIDTH: [1], VECTOR: [1, 4] },
  cost: ({ rows, WIDTH, VECTOR }) => ({
    flops: 8 * rows * WIDTH * VECTOR,
    bytes: WORD_BYTES * (2 * rows * WIDTH * VECTOR + 2 * WIDTH * VECTOR + 2 * rows),
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
  options: { WIDTH: [1], VECTOR: [1, 4] },
  cost: ({ rows, WIDTH, VECTOR }) => ({
    flops: 14 * rows * WIDTH * VECTOR,
    bytes: WORD_BYTES * (4 * rows * WIDTH * VECTOR + WIDTH * VECTOR + 2 * rows),
  }),
});
