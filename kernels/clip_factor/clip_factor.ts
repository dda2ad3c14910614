import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const sumSquares = defineKernel({
  name: "clip_factor_squares",
  source: new URL("./clip_factor_squares.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { x: "read", parts: "update" },
  params: { count: "u32", span: "u32", first: "u32", sums: "u32" },
  consts: { WG: [64, 32] },
  grid: ({ sums, WG }) => spread(Math.ceil(sums / WG)),
  cost: ({ count, sums }) => ({ flops: 2 * count, bytes: WORD_BYTES * (count + sums) }),
});

export const clipFactor = defineKernel({
  name: "clip_factor",
  source: new URL("./clip_factor.wgsl", import.meta.url),
  uses: ["workgroup_sum"],
  bindings: { parts: "read", y: "write" },
  params: { count: "u32", limit: "f32" },
  consts: { WG: [256] },
  grid: () => [1],
  cost: ({ count }) => ({ flops: count, bytes: WORD_BYTES * (count + 1) }),
});
