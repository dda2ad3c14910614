/** The rungs below the production search: one idea each, in the order of the ladder. */
import { defineKernel, WORD_BYTES } from "../../../kernels/kernel.ts";

const QUERY_THREADS = 64; // nearest_query, nearest_split: WG
const TILE = 16; // nearest_workgroup

/** Rows of a chunk, in every rung that has chunks. */
export const CHUNK = 128;

const bindings = { queries: "read", pool: "read", score: "write", index: "write" } as const;
type Search = Readonly<Record<"B" | "P" | "D", number>>;
const cost = ({ B, P, D }: Search) => ({
  flops: 2 * B * P * D,
  bytes: WORD_BYTES * D * (B + P),
});

export const nearestQuery = defineKernel({
  name: "nearest_query",
  source: new URL("./nearest_query.wgsl", import.meta.url),
  uses: [],
  bindings,
  params: { B: "u32", P: "u32", D: "u32" },
  consts: {},
  grid: ({ B }) => [Math.ceil(B / QUERY_THREADS)],
  cost,
});

/** A search in chunks, of `queries` queries by a workgroup. */
const chunked = (name: string, queries: number) =>
  defineKernel({
    name,
    source: new URL(`./${name}.wgsl`, import.meta.url),
    uses: [],
    bindings,
    params: { B: "u32", P: "u32", D: "u32", chunks: "u32" },
    consts: {},
    grid: ({ B, chunks }) => [Math.ceil(B / queries), chunks],
    cost,
  });

export const nearestSplit = chunked("nearest_split", QUERY_THREADS);

export const nearestWorkgroup = chunked("nearest_workgroup", TILE);
