import { defineKernel, ELEMENT, spread } from "../kernel.ts";

export const scale = defineKernel({
  name: "scale",
  source: new URL("./scale.wgsl", import.meta.url),
  uses: ["index", "rounded"],
  bindings: { x: "read", y: "write" },
  params: { count: "u32", factor: "f32" },
  consts: { WG: [64, 256], ITEMS: [4, 1] },
  options: { VECTOR: [1, 4], ELEMENT_X: ELEMENT, ELEMENT_Y: ELEMENT },
  grid: ({ count, WG, ITEMS }) => spread(Math.ceil(count / (WG * ITEMS))),
  cost: ({ count, VECTOR, ELEMENT_X, ELEMENT_Y }) => ({
    flops: count * VECTOR,
    bytes: ((ELEMENT_X + ELEMENT_Y) / 8) * count * VECTOR,
  }),
});
