import { defineKernel, ELEMENT, WORD_BYTES } from "../kernel.ts";
import { rowKernel, rowKernelWith } from "../lib/rows.ts";

/** Floating-point operations of an exponential, roughly. */
const EXP_FLOPS = 10;

export const softmax = defineKernel({
  name: "softmax",
  source: new URL("./softmax.wgsl", import.meta.url),
  ...rowKernelWith("rounded"),
  bindings: { x: "read", mask: "read", y: "write" },
  params: { rows: "u32", mask_rows: "u32" },
  reorders: ["LANES", "KEPT"],
  options: {
    WIDTH: [1],
    VECTOR: [1, 4],
    CAUSAL: [0, 1],
    MASKED: [0, 1],
    ELEMENT_X: ELEMENT,
    ELEMENT_MASK: ELEMENT,
    ELEMENT_Y: ELEMENT,
  },
  cost({ rows, mask_rows, WIDTH, VECTOR, CAUSAL, MASKED, ...bits }) {
    const elements = rows * WIDTH * VECTOR;
    const read = elements / (CAUSAL + 1);
    return {
      flops: (EXP_FLOPS + 4) * read,
      bytes:
        (bits.ELEMENT_X * read +
          bits.ELEMENT_Y * elements +
          bits.ELEMENT_MASK * MASKED * mask_rows * WIDTH * VECTOR) /
        8,
    };
  },
});

export const softmaxGrad = defineKernel({
  name: "softmax_grad",
  source: new URL("./softmax_grad.wgsl", import.meta.url),
  ...rowKernel,
  bindings: { y: "read", dy: "read", dx: "write" },
  params: { rows: "u32" },
  reorders: ["LANES"],
  options: { WIDTH: [1], VECTOR: [1, 4] },
  cost: ({ rows, WIDTH, VECTOR }) => ({
    flops: 4 * rows * WIDTH * VECTOR,
    bytes: WORD_BYTES * 3 * rows * WIDTH * VECTOR,
  }),
});
