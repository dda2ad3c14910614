import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const activation = defineKernel({
  name: "activation",
  source: new URL("./activation.wgsl", import.meta.url),
  uses: ["index", "activation"],
  bindings: { x: "read", y: "write" },
  params: { count: "u32" },
  consts: { WG: [256, 64] },
  options: { KIND: [1, 2, 3] },
  grid: ({ count, WG }) => spread(Math.ceil(count / WG)),
  cost: ({ count }) => ({ flops: 8 * count, bytes: WORD_BYTES * 2 * count }),
});

export const activationGrad = defineKernel({
  name: "activation_grad",
  source: new URL("./activation_grad.wgsl", import.meta.url),
  uses: ["index", "activation"],
  bindings: { x: "read", dy: "read", dx: "write" },
  params: { count: "u32" },
  consts: { WG: [256, 64] },
  options: { KIND: [1, 2, 3] },
  grid: ({ count, WG }) => spread(Math.ceil(count / WG)),
  cost: ({ count }) => ({ flops: 12 * count, bytes: WORD_BYTES * 3 * count }),
});
