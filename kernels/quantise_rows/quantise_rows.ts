import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

/** Numbers that bound what a row's rounding did (quantise_rows.wgsl): scale, length, error. */
export const BOUNDS = 3;

export const quantiseRows = defineKernel({
  name: "quantise_rows",
  source: new URL("./quantise_rows.wgsl", import.meta.url),
  uses: ["index", "lanes"],
  bindings: { x: "read", words: "write", bounds: "write" },
  params: { cols: "u32", width: "u32", window_first: "u32", window_rows: "u32" },
  window: { of: ["x", "words", "bounds"] },
  consts: { WG: [64], LANES: [8, 32] },
  reorders: ["LANES"],
  options: { BITS: [16, 8] },
  grid: ({ window_rows, WG, LANES }) => spread(Math.ceil(window_rows / (WG / LANES))),
  cost: ({ window_rows, cols, width }) => ({
    flops: 6 * window_rows * cols,
    bytes: WORD_BYTES * window_rows * (cols + width + BOUNDS),
  }),
});
