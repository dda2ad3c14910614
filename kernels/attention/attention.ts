import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

const params = {
  pairs: "u32",
  heads: "u32",
  queries: "u32",
  keys: "u32",
  width: "u32",
  q_row: "u32",
  kv_row: "u32",
  k_start: "u32",
  v_start: "u32",
  scale: "f32",
} as const;

const consts = { WG: [16, 32, 64] } as const;
// QUADS is of no matter to the result, but how many fit depends on SPAN
const options = {
  VECTOR: [1, 4],
  QUADS: [4, 2, 1],
  SPAN: [16],
  CAUSAL: [0, 1],
} as const;

interface Size {
  readonly pairs: number;
  readonly queries: number;
  readonly keys: number;
  readonly VECTOR: number;
  readonly width: number;
  readonly CAUSAL: number;
}

/** Workgroups for `rows` rows of every batch element and head. */
const blocks = (pairs: number, rows: number, QUADS: number) => pairs * Math.ceil(rows / 4 / QUADS);

/** Flops of `products` multiply-adds of head width for each query and key that it sees. */
function flopsOf(products: number, { pairs, queries, keys, VECTOR, width, CAUSAL }: Size): number {
  const seen = CAUSAL === 1 ? (queries * (queries + 1)) / 2 : queries * keys;
  return 2 * products * pairs * seen * width * VECTOR;
}

/** Bytes of so many tensors with a row per query, with a row per key, and with a word per query. */
function bytesOf(
  [byQuery, byKey, words]: readonly [number, number, number],
  { pairs, queries, keys, VECTOR, width }: Size,
): number {
  const rows = (byQuery * queries + byKey * keys) * width * VECTOR;
  return WORD_BYTES * pairs * (rows + words * queries);
}

export const attention = defineKernel({
  name: "attention",
  source: new URL("./attention.wgsl", import.meta.url),
  uses: ["index", "attention_place", "vector_dot"],
  bindings: { q: "read", k: "read", v: "read", y: "write", lse: "write" },
  params,
  consts,
  options,
  grid: ({ pairs, queries, QUADS }) => spread(blocks(pairs, queries, QUADS)),
  cost: (size) => ({ flops: flopsOf(2, size), bytes: bytesOf([2, 2, 1], size) }),
});

export const attentionDelta = defineKernel({
  name: "attention_delta",
  source: new URL("./attention_delta.wgsl", import.meta.url),
  uses: ["index", "vector_dot"],
  bindings: { dy: "read", y: "read", delta: "write" },
  params: { rows: "u32", width: "u32" },
  consts: { WG: [64, 32] },
  options: { VECTOR: [1, 4] },
  grid: ({ rows, WG }) => spread(Math.ceil(rows / WG)),
  cost: ({ rows, VECTOR, width }) => ({
    flops: 2 * rows * VECTOR * width,
    bytes: WORD_BYTES * rows * (2 * VECTOR * width + 1),
  }),
});

const given = {
  q: "read",
  k: "read",
  v: "read",
  dy: "read",
  lse: "read",
  delta: "read",
} as const;

const uses = ["index", "vector_dot", "attention_place", "attention_slopes"];

export const attentionQueryGrad = defineKernel({
  name: "attention_query_grad",
  source: new URL("./attention_query_grad.wgsl", import.meta.url),
  uses,
  bindings: { ...given, dq: "write" },
  params,
  consts,
  options,
  grid: ({ pairs, queries, QUADS }) => spread(blocks(pairs, queries, QUADS)),
  cost: (size) => ({ flops: flopsOf(3, size), bytes: bytesOf([3, 2, 2], size) }),
});

export const attentionKeyGrad = defineKernel({
  name: "attention_key_grad",
  source: new URL("./attention_key_grad.wgsl", import.meta.url),
  uses,
  bindings: { ...given, dk: "write", dv: "write" },
  params,
  consts,
  options,
  grid: ({ pairs, keys, QUADS }) => spread(blocks(pairs, keys, QUADS)),
  cost: (size) => ({ flops: flopsOf(4, size), bytes: bytesOf([2, 4, 2], size) }),
});

export const attentionPackedGrad = defineKernel({
  name: "attention_packed_grad",
  source: new URL("./attention_packed_grad.wgsl", import.meta.url),
  uses,
  bindings: { ...given, dqkv: "write" },
  params,
  consts,
  options: { ...options, WHOLE: [0, 1] },
  grid: ({ pairs, keys, QUADS, WHOLE }) => spread((2 - WHOLE) * blocks(pairs, keys, QUADS)),
  cost: (size) => ({ flops: flopsOf(5, size), bytes: bytesOf([3, 4, 2], size) }),
});
