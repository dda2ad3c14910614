import { defineKernel, ELEMENT, narrowSubgroups, spread, WORD_BYTES } from "../kernel.ts";

const WORD_BITS = 8 * WORD_BYTES;

const consts = { WG: [64, 32] } as const;
const options = { VECTOR: [1, 4], WIDTH: [1], CAUSAL: [0, 1] } as const;
const uses = ["index", "vector_dot", "attention_place"];
const USES = [...uses, "attention_rows"];
const subgroupUses = [...uses, "attention_rows_subgroup", "attention_sums_subgroup"];

interface Size {
  readonly pairs: number;
  readonly queries: number;
  readonly keys: number;
  readonly VECTOR: number;
  readonly WIDTH: number;
  readonly CAUSAL: number;
}

/** Workgroups for `rows` rows of every batch element and head. */
const blocks = (pairs: number, rows: number, WG: number) => pairs * Math.ceil(rows / WG);

/** Flops of `products` multiply-adds of head width for each query and key that it sees. */
function flopsOf(products: number, { pairs, queries, keys, VECTOR, WIDTH, CAUSAL }: Size): number {
  const seen = CAUSAL === 1 ? (queries * (queries + 1)) / 2 : queries * keys;
  return 2 * products * pairs * seen * WIDTH * VECTOR;
}

/** Bytes of so many words for each element of a query, for each of a key, and for each query. */
function bytesOf(
  [byQuery, byKey, words]: readonly [number, number, number],
  { pairs, queries, keys, VECTOR, WIDTH }: Size,
): number {
  const rows = (byQuery * queries + byKey * keys) * WIDTH * VECTOR;
  return WORD_BYTES * pairs * (rows + words * queries);
}

export const attention = defineKernel({
  name: "attention",
  source: new URL("./attention.wgsl", import.meta.url),
  uses: [...USES, "rounded"],
  bindings: { q: "read", k: "read", v: "read", y: "write", lse: "write" },
  params: {
    pairs: "u32",
    heads: "u32",
    queries: "u32",
    keys: "u32",
    q_step: "u32",
    kv_step: "u32",
    k_start: "u32",
    v_start: "u32",
    scale: "f32",
  },
  consts: { ...consts, KEYS: [4] },
  options: {
    ...options,
    ELEMENT_Q: ELEMENT,
    ELEMENT_K: ELEMENT,
    ELEMENT_V: ELEMENT,
    ELEMENT_Y: ELEMENT,
  },
  subgroups: narrowSubgroups((size) => ({
    uses: [...subgroupUses, "rounded"],
    consts: { WG: [size], KEYS: [1] },
  })),
  grid: ({ pairs, queries, WG }) => spread(blocks(pairs, queries, WG)),
  cost: ({ ELEMENT_Q, ELEMENT_K, ELEMENT_V, ELEMENT_Y, ...size }) => ({
    flops: flopsOf(2, size),
    bytes: bytesOf(
      [(ELEMENT_Q + ELEMENT_Y) / WORD_BITS, (ELEMENT_K + ELEMENT_V) / WORD_BITS, 1],
      size,
    ),
  }),
});

export const attentionDelta = defineKernel({
  name: "attention_delta",
  source: new URL("./attention_delta.wgsl", import.meta.url),
  uses: ["index", "vector_dot"],
  bindings: { dy: "read", y: "read", delta: "write" },
  params: { rows: "u32", width: "u32" },
  consts: { WG: [64, 32] },
  options: { VECTOR: [1, 4], ELEMENT_Y: ELEMENT },
  grid: ({ rows, WG }) => spread(Math.ceil(rows / WG)),
  cost: ({ rows, VECTOR, width, ELEMENT_Y }) => ({
    flops: 2 * rows * VECTOR * width,
    bytes: rows * ((WORD_BYTES + ELEMENT_Y / 8) * VECTOR * width + WORD_BYTES),
  }),
});

export const attentionGrad = defineKernel({
  name: "attention_grad",
  source: new URL("./attention_grad.wgsl", import.meta.url),
  uses: USES,
  bindings: {
    own: "read",
    mate: "read",
    others: "read",
    other_mate: "read",
    lse: "read",
    delta: "read",
    d: "update",
  },
  params: {
    pairs: "u32",
    heads: "u32",
    rows: "u32",
    others: "u32",
    own_step: "u32",
    own_start: "u32",
    mate_step: "u32",
    mate_start: "u32",
    other_step: "u32",
    other_start: "u32",
    other_mate_step: "u32",
    other_mate_start: "u32",
    scale: "f32",
  },
  consts,
  options: {
    ...options,
    PART: [0, 1, 2],
    ELEMENT_OWN: ELEMENT,
    ELEMENT_MATE: ELEMENT,
    ELEMENT_OTHERS: ELEMENT,
    ELEMENT_OTHER_MATE: ELEMENT,
  },
  subgroups: narrowSubgroups((size) => ({ uses: subgroupUses, consts: { WG: [size] } })),
  grid: ({ pairs, rows, WG }) => spread(blocks(pairs, rows, WG)),
  cost({
    rows,
    others,
    PART,
    ELEMENT_OWN,
    ELEMENT_MATE,
    ELEMENT_OTHERS,
    ELEMENT_OTHER_MATE,
    ...size
  }) {
    const mate = PART === 2 ? 0 : ELEMENT_MATE; // which PART 2 does not read
    const own = 1 + (ELEMENT_OWN + mate) / WORD_BITS;
    const other = (ELEMENT_OTHERS + ELEMENT_OTHER_MATE) / WORD_BITS;
    const words = PART === 2 ? 1 : 2;
    const [queries, keys] = PART === 0 ? [rows, others] : [others, rows];
    const whole = { ...size, queries, keys };
    return {
      flops: flopsOf(PART === 2 ? 2 : 3, whole),
      bytes: bytesOf(PART === 0 ? [own, other, words] : [other, own, words], whole),
    };
  },
});
