import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const layernorm = defineKernel({
  name: "layernorm",
  source: new URL("./layernorm.wgsl", import.meta.url),
  uses: ["index", "lanes"],
  bindings: { x: "read", gain: "read", bias: "read", y: "write", mean: "write", rstd: "write" },
  params: { rows: "u32", cols: "u32", eps: "f32" },
  consts: { WG: [64, 256], LANES: [8, 32] },
  reorders: ["LANES"],
  grid: ({ rows, WG, LANES }) => spread(Math.ceil((rows * LANES) / WG)),
  cost: ({ rows, cols }) => ({
    flops: 8 * rows * cols,
    bytes: WORD_BYTES * (2 * rows * cols + 2 * cols + 2 * rows),
  }),
});

export const layernormGrad = defineKernel({
  name: "layernorm_grad",
  source: new URL("./layernorm_grad.wgsl", import.meta.url),
  uses: ["index", "lanes"],
  bindings: {
    dy: "read",
    x: "read",
    gain: "read",
    mean: "read",
    rstd: "read",
    dx: "write",
    dgain: "write",
  },
  params: { rows: "u32", cols: "u32" },
  consts: { WG: [64, 256], LANES: [8, 32] },
  reorders: ["LANES"],
  grid: ({ rows, WG, LANES }) => spread(Math.ceil((rows * LANES) / WG)),
  cost: ({ rows, cols }) => ({
    flops: 14 * rows * cols,
    bytes: WORD_BYTES * (4 * rows * cols + cols + 2 * rows),
  }),
});
