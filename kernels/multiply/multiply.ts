import { defineKernel, ELEMENT, spread } from "../kernel.ts";

export const multiply = defineKernel({
  name: "multiply",
  source: new URL("./multiply.wgsl", import.meta.url),
  uses: ["index", "rounded"],
  bindings: { x: "read", y: "read", z: "write" },
  params: { count: "u32", period: "u32" },
  consts: { WG: [64, 256], ITEMS: [4, 1] },
  options: {
    REPEAT: [0, 1],
    VECTOR: [1, 4],
    ELEMENT_X: ELEMENT,
    ELEMENT_Y: ELEMENT,
    ELEMENT_Z: ELEMENT,
  },
  grid: ({ count, WG, ITEMS }) => spread(Math.ceil(count / (WG * ITEMS))),
  cost: ({ count, period, VECTOR, ELEMENT_X, ELEMENT_Y, ELEMENT_Z }) => ({
    flops: count * VECTOR,
    bytes: (VECTOR * ((ELEMENT_X + ELEMENT_Z) * count + ELEMENT_Y * period)) / 8,
  }),
});
