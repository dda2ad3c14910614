import { defineKernel, narrowSubgroups, WORD_BYTES } from "../kernel.ts";
import { PRODUCT_CONSTS, PRODUCT_TILE, productValid } from "../lib/product.ts";

export const nearest = defineKernel({
  name: "nearest",
  source: new URL("./nearest.wgsl", import.meta.url),
  uses: ["nearest_tile", ...PRODUCT_TILE],
  bindings: { queries: "read", pool: "read", count: "read", score: "write", index: "write" },
  params: {
    B: "u32",
    P: "u32",
    depth: "u32",
    span: "u32",
    parts: "u32",
    count_at: "u32",
    window_first: "u32",
    window_rows: "u32",
  },
  window: { of: ["pool"], step: ({ span }) => span },
  consts: PRODUCT_CONSTS,
  valid: productValid,
  subgroups: narrowSubgroups((size) => ({
    uses: ["nearest_subgroup"],
    consts: { ROWS: [16], COLS: [4], WGX: [size], WGY: [1] },
  })),
  grid: ({ B, span, window_rows, ROWS, WGY }) => [
    Math.ceil(B / (ROWS * WGY)),
    Math.ceil(window_rows / span),
  ],
  cost: ({ B, depth, span, window_rows }) => ({
    flops: 2 * B * window_rows * 4 * depth,
    bytes: WORD_BYTES * (4 * depth * (B + window_rows) + 2 * B * Math.ceil(window_rows / span)),
  }),
});

export const nearestMerge = defineKernel({
  name: "nearest_merge",
  source: new URL("./nearest_merge.wgsl", import.meta.url),
  uses: [],
  bindings: { scores: "read", indices: "read", score: "write", index: "write" },
  params: { B: "u32", parts: "u32" },
  consts: { WG: [64], LANES: [8, 32] },
  grid: ({ B, WG, LANES }) => [Math.ceil(B / (WG / LANES))],
  cost: ({ B, parts }) => ({ flops: 0, bytes: WORD_BYTES * (2 * B * parts + 2 * B) }),
});
