import { defineKernel, ELEMENT, spread, WORD_BYTES } from "../kernel.ts";

export const activation = defineKernel({
  name: "activation",
  source: new URL("./activation.wgsl", import.meta.url),
  uses: ["index", "activation", "rounded"],
  bindings: { x: "read", y: "write" },
  params: { count: "u32" },
  consts: { WG: [64, 256], ITEMS: [16, 4, 1] },
  options: { KIND: [1, 2, 3], VECTOR: [1, 4], ELEMENT_X: ELEMENT, ELEMENT_Y: ELEMENT },
  grid: ({ count, WG, ITEMS }) => spread(Math.ceil(count / (WG * ITEMS))),
  cost: ({ count, VECTOR, ELEMENT_X, ELEMENT_Y }) => ({
    flops: 8 * count * VECTOR,
    bytes: ((ELEMENT_X + ELEMENT_Y) / 8) * count * VECTOR,
  }),
});

export const activationGrad = defineKernel({
  name: "activation_grad",
  source: new URL("./activation_grad.wgsl", import.meta.url),
  uses: ["index", "activation"],
  bindings: { x: "read", dy: "read", dx: "write" },
  params: { count: "u32" },
  consts: { WG: [64, 256], ITEMS: [16, 4, 1] },
  options: { KIND: [1, 2, 3], VECTOR: [1, 4], ELEMENT_X: ELEMENT },
  grid: ({ count, WG, ITEMS }) => spread(Math.ceil(count / (WG * ITEMS))),
  cost: ({ count, VECTOR, ELEMENT_X }) => ({
    flops: 12 * count * VECTOR,
    bytes: (ELEMENT_X / 8 + 2 * WORD_BYTES) * count * VECTOR,
  }),
});
