/** The pool match, fused, in fewer bits first, and in two passes: matmul, then argmax. */
import type { Device } from "../engine/device.ts";
import { launch, type Tensor } from "../engine/graph.ts";
import { hold, release } from "../engine/held.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { nearest } from "../engine/ops/nearest.ts";
import { type QuantisedRows, quantiseRows } from "../engine/ops/quantiseRows.ts";
import { compile, type Plan } from "../engine/plan.ts";
import type { Sample } from "../engine/roof.ts";
import { deciles, timePlans } from "./harness.ts";
import { rowArgmax } from "./nearest/row_argmax.ts";
import { quickNormals, quickStream } from "./quickStream.ts";

/** Queries, pool rows and width of a search. */
export interface Search {
  readonly B: number;
  readonly P: number;
  readonly D: number;
}

/** One search timed in several ways. */
export interface Comparison {
  readonly samples: readonly Sample[];
  /** Deciles of whole runs by the name of the way, the search in f32 first; ms. */
  readonly ways: Readonly<Record<string, ReturnType<typeof deciles>>>;
}

const NOISE = 0.1; // length of a query's noise beside its pool row

/** Rows of unit length, as RoCLIP's embeddings are. */
function normalise(rows: Float32Array, D: number): void {
  for (let at = 0; at < rows.length; at += D) {
    const row = rows.subarray(at, at + D);
    const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
    for (let d = 0; d < D; d++) row[d]! /= length;
  }
}

/** Rows spread over a pool: those that queries are made from. */
export function searchAnswer({ B, P }: Pick<Search, "B" | "P">): Uint32Array {
  return Uint32Array.from({ length: B }, (_, b) => Math.floor(((b + 0.5) * P) / B));
}

/** Pool rows of unit length; always the same. */
export function searchPool({ P, D }: Pick<Search, "P" | "D">): Float32Array {
  const pool = quickNormals(P * D, quickStream(1));
  normalise(pool, D);
  return pool;
}

/** Queries that are noisy copies of some of a pool's rows, so that the answer is known. */
export function searchQueries(pool: Float32Array, search: Search): Float32Array {
  const { B, D } = search;
  const queries = quickNormals(B * D, quickStream(2));
  const noise = NOISE / Math.sqrt(D);
  searchAnswer(search).forEach((p, b) => {
    for (let d = 0; d < D; d++) queries[b * D + d] = pool[p * D + d]! + noise * queries[b * D + d]!;
  });
  normalise(queries, D);
  return queries;
}

/** A pool, and queries that are noisy copies of some of its rows. */
export function searchData(search: Search) {
  const pool = searchPool(search);
  return { pool, queries: searchQueries(pool, search) };
}

/** The index of `nearest` by way of all scores: matmul, then argmax. */
export function searchByScores(queries: Tensor, pool: Tensor): Tensor {
  const x = matmul(queries, pool, { transposeB: true });
  const [rows, cols] = x.shape as [number, number];
  return launch(rowArgmax, { rows, cols }, { x }, { index: { shape: [rows], dtype: "u32" } }).index;
}

/** Run once; the first index that is not the answer is an error. */
export async function checkSearch(plan: Plan, name: string, answer: Uint32Array): Promise<void> {
  plan.run();
  const { index } = await plan.read();
  const wrong = answer.findIndex((p, b) => index![b] !== p);
  if (wrong >= 0)
    throw new Error(
      `bench: every query must find the row it was made from; ${name} finds ${index![wrong]} ` +
        `for query ${wrong}, made from ${answer[wrong]}; run the tests of its kernels`,
    );
}

/** A copy of a held pool with fewer bits, held as well. */
async function holdQuantised(device: Device, pool: Tensor, bits: QuantisedRows["bits"]) {
  const { words, bounds } = quantiseRows(pool, bits);
  const plan = await compile(device, { outputs: { words, bounds } });
  plan.run();
  const data = await plan.read();
  plan.destroy();
  return hold(device, {
    words: { shape: words.shape, data: data.words! },
    bounds: { shape: bounds.shape, data: data.bounds! },
  });
}

/**
 * Check that every way of a search gives the right indices, then time them in turns: A B C A B C …
 *
 * The ways: `nearest` in f32; in f16 or integers first, of a pool that is kept so as well; all
 * scores by matmul, then argmax.
 *
 * @param seconds  how long to repeat, for each distinct dispatch
 */
export async function compareNearest(
  device: Device,
  search: Search,
  seconds: number,
): Promise<Comparison> {
  const { B, P, D } = search;
  const { pool, queries } = searchData(search);
  const held = hold(device, {
    queries: { shape: [B, D], data: queries },
    pool: { shape: [P, D], data: pool },
  });
  const screens = {
    halves: await holdQuantised(device, held.pool, 16),
    integers: await holdQuantised(device, held.pool, 8),
  };
  const found = (screen?: QuantisedRows) =>
    nearest(held.queries, held.pool, screen ? { screen } : {}).index;
  const ways: Readonly<Record<string, Tensor>> = {
    nearest: found(),
    "nearest, f16 first": found({ bits: 16, ...screens.halves }),
    "nearest, int8 first": found({ bits: 8, ...screens.integers }),
    "matmul + argmax": searchByScores(held.queries, held.pool),
  };
  const plans: Plan[] = [];
  try {
    for (const [name, index] of Object.entries(ways)) {
      plans.push(await compile(device, { outputs: { index } }));
      await checkSearch(plans.at(-1)!, name, searchAnswer(search));
    }
    const times = await timePlans(plans, seconds);
    const deciled = Object.keys(ways).map((name, i) => [name, deciles(times[i]!.totalsMs)]);
    return {
      samples: times.flatMap(({ samples }) => samples),
      ways: Object.fromEntries(deciled),
    };
  } finally {
    for (const plan of plans) plan.destroy();
    release(device, { ...held, ...screens });
  }
}
