import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

/** Floating-point operations of an exponential, roughly. */
const EXP_FLOPS = 10;

export const softmax = defineKernel({
  name: "softmax",
  source: new URL("./softmax.wgsl", import.meta.url),
  uses: ["index", "lanes", "vector_dot"],
  bindings: { x: "read", mask: "read", y: "write" },
  params: { rows: "u32", cols: "u32", mask_rows: "u32" },
  consts: { WG: [64], LANES: [8, 32] },
  reorders: ["LANES"],
  options: { VECTOR: [1, 4], CAUSAL: [0, 1], MASKED: [0, 1] },
  grid: ({ rows, WG, LANES }) => spread(Math.ceil(rows / (WG / LANES))),
  cost({ rows, cols, mask_rows, VECTOR, CAUSAL, MASKED }) {
    const elements = rows * cols * VECTOR;
    const read = elements / (CAUSAL + 1);
    return {
      flops: (EXP_FLOPS + 4) * read,
      bytes: WORD_BYTES * (read + elements + MASKED * mask_rows * cols * VECTOR),
    };
  },
});

export const softmaxGrad = defineKernel({
  name: "softmax_grad",
  source: new URL("./softmax_grad.wgsl", import.meta.url),
  uses: ["index", "lanes", "vector_dot"],
  bindings: { y: "read", dy: "read", dx: "write" },
  params: { rows: "u32", cols: "u32" },
  consts: { WG: [64], LANES: [8, 32] },
  reorders: ["LANES"],
  options: { VECTOR: [1, 4] },
  grid: ({ rows, WG, LANES }) => spread(Math.ceil(rows / (WG / LANES))),
  cost: ({ rows, cols, VECTOR }) => ({
    flops: 4 * rows * cols * VECTOR,
    bytes: WORD_BYTES * 3 * rows * cols * VECTOR,
  }),
});
