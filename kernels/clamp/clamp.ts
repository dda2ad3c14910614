import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const clamp = defineKernel({
  name: "clamp",
  source: new URL("./clamp.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { x: "update" },
  params: { count: "u32", low: "f32", high: "f32" },
  consts: { WG: [64, 256] },
  grid: ({ count, WG }) => spread(Math.ceil(count / WG)),
  cost: ({ count }) => ({ flops: 2 * count, bytes: 2 * WORD_BYTES * count }),
});
