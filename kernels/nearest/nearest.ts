import { defineKernel, WORD_BYTES } from "../kernel.ts";

/** Pool rows per workgroup of `nearest`, and so per partial result. */
export const CHUNK = 128;

/** Threads of nearest_tile that take different queries. */
const QUERY_THREADS = 4;

export const nearest = defineKernel({
  name: "nearest",
  source: new URL("./nearest.wgsl", import.meta.url),
  uses: ["nearest_tile"],
  bindings: { queries: "read", pool: "read", count: "read", score: "write", index: "write" },
  params: { B: "u32", P: "u32", depth: "u32", chunks: "u32", count_at: "u32" },
  consts: { QUERIES: [8, 4], ROWS: [8, 4], LANES: [1] },
  subgroups: (size) =>
    size === 4 || size === 8
      ? {
          uses: ["nearest_subgroup"],
          consts: { QUERIES: [16], ROWS: [4], LANES: [size] },
        }
      : undefined,
  valid: ({ QUERIES, ROWS, LANES }) => LANES > 1 || QUERIES === ROWS,
  grid({ B, chunks, QUERIES, LANES }) {
    const searched = LANES > 1 ? QUERIES : QUERY_THREADS * QUERIES;
    return [Math.ceil(B / searched), chunks];
  },
  cost: ({ B, P, depth, chunks }) => ({
    flops: 2 * B * P * 4 * depth,
    bytes: WORD_BYTES * (4 * depth * (B + P) + 2 * B * chunks),
  }),
});

export const nearestMerge = defineKernel({
  name: "nearest_merge",
  source: new URL("./nearest_merge.wgsl", import.meta.url),
  uses: [],
  bindings: { scores: "read", indices: "read", score: "write", index: "write" },
  params: { B: "u32", chunks: "u32" },
  consts: { WG: [64], LANES: [8, 32] },
  grid: ({ B, WG, LANES }) => [Math.ceil(B / (WG / LANES))],
  cost: ({ B, chunks }) => ({ flops: 0, bytes: WORD_BYTES * (2 * B * chunks + 2 * B) }),
});
