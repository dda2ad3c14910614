import type { Tensor } from "../../engine/graph.ts";
import { nearest } from "../../engine/ops/nearest.ts";
import { type QuantisedRows, quantiseRows } from "../../engine/ops/quantiseRows.ts";
import type { Stream } from "../../engine/random.ts";
import { type Array64, array64, type Case, defineCase } from "../case.ts";

const LOWEST = -3.4028234663852886e38;

/** The first of the largest inner products, over the first `count` rows. */
function reference({ queries, pool, count }: Record<string, Array64>) {
  const [B, D] = queries!.shape as [number, number];
  const filled = count ? Math.min(count.data.at(-1)!, pool!.shape[0]!) : pool!.shape[0]!;
  const index = array64([B]);
  const score = array64([B], () => LOWEST);
  for (let b = 0; b < B; b++)
    for (let p = 0; p < filled; p++) {
      let sum = 0;
      for (let d = 0; d < D; d++) sum += queries!.data[b * D + d]! * pool!.data[p * D + d]!;
      if (!(sum > score.data[b]!)) continue;
      score.data[b] = sum;
      index.data[b] = p;
    }
  return { index, score };
}

const run = ({ queries, pool, count }: Readonly<Record<string, Tensor>>) => ({
  ...nearest(queries!, pool!, count ? { count } : {}),
});

const tolerance = {
  relative: 2e-6, // of the largest index as well: below one up to P = 500 000
  why: "f32 sums over D ≤ 129 in order; indices are exact",
};

/** Standard normal numbers in steps of 1/8: inner products are exact in f32, so ties are exact. */
const eighths = (shape: readonly number[], draws: Stream) =>
  Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => {
    return Math.round(draws.normal() * 8) / 8;
  });

const base = defineCase<"queries" | "pool">({
  run,
  reference,
  shapes: [
    { queries: [1, 1], pool: [1, 1] },
    { queries: [1, 4], pool: [7, 4] },
    { queries: [5, 7], pool: [129, 7] } /* padded; one row past a chunk */,
    { queries: [65, 20], pool: [257, 20] } /* one query past a workgroup; part of a step */,
    { queries: [33, 129], pool: [31, 129] },
    { queries: [67, 64], pool: [300, 64] },
  ],
  rejects: [
    { queries: [2, 8], pool: [3, 4] },
    { queries: [8], pool: [3, 8] },
    { queries: [2, 8], pool: [0, 8] },
  ],
  tolerance,
  differentiable: [],
  bench: {
    "RoCLIP on 1M pairs": { queries: [256, 512], pool: [16384, 512] },
    "the demo's pool": { queries: [128, 64], pool: [3000, 64] },
    "a width that is padded": { queries: [128, 130], pool: [3000, 130] },
  },
});
export default base;

/** Every row of the pool stands in it many times, so every maximum is a tie. */
export const ties = defineCase<"queries" | "pool">({
  run,
  reference,
  shapes: [
    { queries: [9, 8], pool: [64, 8] },
    { queries: [65, 20], pool: [400, 20] } /* ties within a thread, a chunk and across chunks */,
  ],
  tolerance,
  differentiable: [],
  data: {
    queries: eighths,
    pool(shape, draws) {
      const [P, D] = shape as [number, number];
      const few = eighths([5, D], draws);
      return Float32Array.from({ length: P * D }, (_, i) => {
        const row = Math.floor(i / D);
        return few[(row < 3 ? 0 : 1 + (row % 4)) * D + (i % D)]!;
      });
    },
  },
});

const countIs =
  (filled: number) =>
  (shape: readonly number[]): Uint32Array =>
    Uint32Array.from({ length: shape[0]! }, (_, i) => (i === shape[0]! - 1 ? filled : 9999));

/** Rows from `count` on hold huge numbers and NaN, which must not be found. */
const partly = (filled: number) =>
  defineCase<"queries" | "pool" | "count">({
    run,
    reference,
    shapes: [
      { queries: [5, 8], pool: [300, 8], count: [1] },
      { queries: [5, 8], pool: [300, 8], count: [2] } /* a ring's cursor */,
    ],
    rejects: [{ queries: [5, 8], pool: [300, 8], count: [] }],
    tolerance,
    differentiable: [],
    data: {
      count: countIs(filled),
      pool: (shape, draws) =>
        Float32Array.from({ length: shape[0]! * shape[1]! }, (_, i) => {
          if (i < filled * shape[1]!) return draws.normal();
          return i % 3 === 0 ? Number.NaN : 1e6;
        }),
    },
  });

export const countOf130 = partly(130);
export const countOf1 = partly(1);
export const countOf0 = partly(0);
export const countBeyondPool = partly(1000);

/** A row with a NaN has a NaN score, and a NaN query no score at all. */
export const nan = defineCase<"queries" | "pool">({
  run,
  reference,
  shapes: [{ queries: [4, 12], pool: [200, 12] }],
  tolerance,
  differentiable: [],
  data: {
    queries: (shape, draws) =>
      Float32Array.from({ length: shape[0]! * shape[1]! }, (_, i) => {
        return i === 3 * shape[1]! ? Number.NaN : draws.normal();
      }),
    pool: (shape, draws) =>
      Float32Array.from({ length: shape[0]! * shape[1]! }, (_, i) => {
        const row = Math.floor(i / shape[1]!);
        return row % 3 === 0 && i % shape[1]! === 5 ? Number.NaN : draws.normal();
      }),
  },
});

/** A case's search, but with fewer bits first. */
const screened = (definition: Case, bits: QuantisedRows["bits"]): Case => ({
  ...definition,
  run: ({ queries, pool, count }) => {
    const screen = quantiseRows(pool!, bits);
    return { ...nearest(queries!, pool!, { screen, ...(count && { count }) }) };
  },
  rejects: [],
});

const whole = defineCase<"queries" | "pool">({ ...base, shapes: base.shapes.slice(2) }) as Case;
export const halvesFirst = screened(whole, 16);
export const halvesFirstTies = screened(ties as Case, 16);
export const halvesFirstCount = screened(countOf130 as Case, 16);
export const halvesFirstEmpty = screened(countOf0 as Case, 16);
export const halvesFirstNan = screened(nan as Case, 16);
export const integersFirst = screened(whole, 8);
export const integersFirstTies = screened(ties as Case, 8);
export const integersFirstCount = screened(countOf130 as Case, 8);
export const integersFirstEmpty = screened(countOf0 as Case, 8);
export const integersFirstNan = screened(nan as Case, 8);
