import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

/** Floating-point operations of an exponential, roughly. */
const EXP_FLOPS = 10;

export const softmax = defineKernel({
  name: "softmax",
  source: new URL("./softmax.wgsl", import.meta.url),
  uses: ["index", "lanes"],
  bindings: { x: "read", mask: "read", y: "write" },
  params: { rows: "u32", cols: "u32", mask_rows: "u32" },
  consts: { WG: [64], LANES: [8, 32] },
  options: { CAUSAL: [0, 1], MASKED: [0, 1] },
  grid: ({ rows, WG, LANES }) => spread(Math.ceil(rows / (WG / LANES))),
  cost: ({ rows, cols, mask_rows, CAUSAL, MASKED }) => ({
    flops: ((EXP_FLOPS + 4) * rows * cols) / (CAUSAL + 1),
    bytes: WORD_BYTES * ((rows * cols) / (CAUSAL + 1) + rows * cols + MASKED * mask_rows * cols),
  }),
});

export const softmaxGrad = defineKernel({
  name: "softmax_grad",
  source: new URL("./softmax_grad.wgsl", import.meta.url),
  uses: ["index", "lanes"],
  bindings: { y: "read", dy: "read", dx: "write" },
  params: { rows: "u32", cols: "u32" },
  consts: { WG: [64], LANES: [8, 32] },
  grid: ({ rows, WG, LANES }) => spread(Math.ceil(rows / (WG / LANES))),
  cost: ({ rows, cols }) => ({ flops: 4 * rows * cols, bytes: WORD_BYTES * 3 * rows * cols }),
});
