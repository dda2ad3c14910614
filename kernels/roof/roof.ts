/** The two kernels that measure an adapter's roof: arithmetic without memory, and the reverse. */
import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

/** Elements of a vec4. */
export const LANES = 4;

/** Multiply-adds in registers. */
export const roofFma = defineKernel({
  name: "roof_fma",
  source: new URL("./roof_fma.wgsl", import.meta.url),
  uses: [],
  bindings: { y: "write" },
  params: { threads: "u32", rounds: "u32", factor: "f32", term: "f32" },
  consts: { WG: [64] },
  options: { CHAINS: [2, 4, 8], STEPS: [4, 16] },
  grid: ({ threads, WG }) => [Math.ceil(threads / WG)],
  cost: ({ threads, rounds, CHAINS, STEPS }) => ({
    flops: 2 * LANES * CHAINS * STEPS * rounds * threads,
    bytes: WORD_BYTES * threads,
  }),
});

/** A copy by vec4. */
export const roofCopy = defineKernel({
  name: "roof_copy",
  source: new URL("./roof_copy.wgsl", import.meta.url),
  uses: [],
  bindings: { x: "read", y: "write" },
  params: { count: "u32" },
  consts: { WG: [256, 64], EACH: [4, 1, 16] },
  grid: ({ count, WG, EACH }) => spread(Math.ceil(count / (WG * EACH))),
  cost: ({ count }) => ({ flops: 0, bytes: 2 * LANES * WORD_BYTES * count }),
});
