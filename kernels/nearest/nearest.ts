import { defineKernel, narrowSubgroups, spread, WORD_BYTES } from "../kernel.ts";
import { PRODUCT_CONSTS, PRODUCT_TILE, productValid } from "../lib/product.ts";
import { BOUNDS } from "../quantise_rows/quantise_rows.ts";

/** Words of what a screen finds in a part, for each query. */
export const FOUND = 4;

/** Which part of a pool a search is of, and of how many. */
const PARTS = {
  depth: "u32",
  span: "u32",
  parts: "u32",
  count_at: "u32",
  window_first: "u32",
  window_rows: "u32",
} as const;

type Sizes = Readonly<Record<"B" | "span" | "window_rows" | "ROWS" | "WGY", number>>;

/** A workgroup for each tile of queries and part of the window. */
const searchGrid = ({ B, span, window_rows, ROWS, WGY }: Sizes) => [
  Math.ceil(B / (ROWS * WGY)),
  Math.ceil(window_rows / span),
];

/** Files of `kernels/lib` that search with f32 sums: on tiles in workgroup memory. */
const TILES = ["nearest_best", "nearest_tile", "nearest_rows", ...PRODUCT_TILE];

/** The same where subgroups are narrow. */
const byNarrowSubgroups = (...others: string[]) =>
  narrowSubgroups((size) => ({
    uses: ["nearest_best", "nearest_subgroup", ...others],
    consts: { ROWS: [16], COLS: [4], WGX: [size], WGY: [1] },
  }));

export const nearest = defineKernel({
  name: "nearest",
  source: new URL("./nearest.wgsl", import.meta.url),
  uses: TILES,
  bindings: { queries: "read", pool: "read", count: "read", score: "write", index: "write" },
  params: { B: "u32", P: "u32", ...PARTS },
  window: { of: ["pool"], step: ({ span }) => span },
  consts: PRODUCT_CONSTS,
  options: { COUNTS: [0, 1] },
  valid: productValid,
  subgroups: byNarrowSubgroups(),
  grid: searchGrid,
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

/** What the screens of f16 and of integers have in common. */
const screen = {
  bindings: {
    queries: "read",
    pool: "read",
    query_bounds: "read",
    pool_bounds: "read",
    count: "read",
    found: "write",
  },
  params: { B: "u32", P: "u32", D: "u32", ...PARTS },
  window: {
    of: ["pool", "pool_bounds"],
    step: ({ span }: { readonly span: number }) => span,
  },
  consts: PRODUCT_CONSTS,
  valid: productValid,
  grid: searchGrid,
} as const;

/** Bytes of a screen whose rows have so many words. */
const screenBytes = (B: number, rows: number, words: number, parts: number) =>
  WORD_BYTES * ((B + rows) * (words + BOUNDS) + B * parts * FOUND);

export const nearestScreenF16 = defineKernel({
  ...screen,
  name: "nearest_screen_f16",
  source: new URL("./nearest_screen_f16.wgsl", import.meta.url),
  uses: ["nearest_screened", ...TILES],
  subgroups: byNarrowSubgroups("nearest_screened"),
  cost: ({ B, depth, span, window_rows }) => ({
    flops: 2 * B * window_rows * 4 * depth,
    bytes: screenBytes(B, window_rows, 2 * depth, Math.ceil(window_rows / span)),
  }),
});

export const nearestScreenI8 = defineKernel({
  ...screen,
  name: "nearest_screen_i8",
  source: new URL("./nearest_screen_i8.wgsl", import.meta.url),
  uses: ["nearest_screened", "nearest_best", "nearest_tile", "product_packed"],
  cost: ({ B, depth, span, window_rows }) => ({
    flops: 2 * B * window_rows * 16 * depth,
    bytes: screenBytes(B, window_rows, 4 * depth, Math.ceil(window_rows / span)),
  }),
});

export const nearestFloor = defineKernel({
  name: "nearest_floor",
  source: new URL("./nearest_floor.wgsl", import.meta.url),
  uses: ["index", "lanes"],
  bindings: { found: "read", count: "read", floor_of: "write", again: "write" },
  params: { B: "u32", P: "u32", parts: "u32", count_at: "u32" },
  consts: { WG: [64], LANES: [8, 32] },
  grid: ({ B, WG, LANES }) => spread(Math.ceil(B / (WG / LANES))),
  cost: ({ B, parts }) => ({ flops: 0, bytes: WORD_BYTES * B * (2 * parts + 2) }),
});

export const nearestRescore = defineKernel({
  name: "nearest_rescore",
  source: new URL("./nearest_rescore.wgsl", import.meta.url),
  uses: ["index"],
  bindings: {
    queries: "read",
    pool: "read",
    count: "read",
    found: "read",
    floor_of: "read",
    again: "read",
    score: "update",
    index: "update",
  },
  params: { B: "u32", P: "u32", ...PARTS },
  window: { of: ["pool"], step: ({ span }) => span },
  consts: { WG: [64, 32] },
  grid: ({ B }) => spread(B),
  // Of the least there is to do: one row for each query.
  cost: ({ B, depth, parts }) => ({
    flops: 2 * B * 4 * depth,
    bytes: WORD_BYTES * B * (2 * 4 * depth + 2 * parts + 4),
  }),
});
