import {
  FOUND,
  nearestFloor,
  nearestMerge,
  nearestRescore,
  nearestScreenF16,
  nearestScreenI8,
  nearest as search,
} from "../../kernels/nearest/nearest.ts";
import { padCols } from "../../kernels/pad_cols/pad_cols.ts";
import { BOUNDS } from "../../kernels/quantise_rows/quantise_rows.ts";
import { constant, launch, type Tensor } from "../graph.ts";
import { match, shapeError } from "../shape.ts";
import { type QuantisedRows, quantisedWidth, quantiseRows, WORDS_READ } from "./quantiseRows.ts";

/** Columns that the kernel reads at a time. */
const COLUMNS = 4;

/** Pool rows in a part: a multiple of what a workgroup takes at a time, whatever its constants. */
const PART_ROWS = 128;

/** Parts of a pool at most: with the tiles of queries, enough workgroups for the largest GPUs. */
const MAX_PARTS = 96;

/** The same of a screen: smaller parts have fewer rows to go through where two may be the best. */
const MAX_SCREEN_PARTS = 256;

/** What searches rows of fewer bits, by bits of an element. */
const SCREENS = { 16: nearestScreenF16, 8: nearestScreenI8 } as const;

/** Sums of so many products of integers of 8 bits fit into 32 bits. */
const MOST_COLUMNS = Math.floor(2 ** 31 / 127 ** 2);

/** Rows with zeros behind them, so that they can be read as vec4. */
function padded(x: Tensor, rows: number, cols: number): Tensor {
  if (cols % COLUMNS === 0) return x;
  const width = Math.ceil(cols / COLUMNS) * COLUMNS;
  return launch(padCols, { rows, cols, padded: width }, { x }, { y: [rows, width] }).y;
}

/** How a search can be narrowed, and how its rows can be kept besides. */
export interface NearestOptions {
  /** u32[N] its last element: how many rows, from the first, take part; else all. */
  readonly count?: Tensor;
  /** The pool with fewer bits, to find candidates in; the answer is the same. */
  readonly screen?: QuantisedRows;
}

/** Where the best row of each query is, and its score. */
export interface Found {
  /** u32[B] */
  readonly index: Tensor;
  /** f32[B] */
  readonly score: Tensor;
}

/**
 * For each query the row of the pool with the largest inner product; the lowest index wins a tie.
 *
 * Rows are not normalised here: with unit rows the score is the cosine. NaN never wins; where no
 * score is above −3.4e38 (an empty pool, or only NaN), the index is 0 and the score −3.4e38. The
 * scores are never stored: extra memory is 8 bytes per query and part of the pool, of which there
 * are at most 96 (and a padded copy of both operands when D is not a multiple of 4). A pool that is
 * larger than a binding of the device is searched window by window, unless it must be padded. Not
 * differentiable: RoCLIP stops the gradient here.
 *
 * With `screen` the pool is searched as it is there, with fewer bits, and the rows whose score can
 * be the largest are scored again in f32: index and score are those of the search without, to the
 * bit (the proof: kernels/lib/nearest_screened.wgsl). A query with too many such rows is searched
 * in f32, together with those beside it. Extra memory grows by 16 bytes per query and part, of
 * which there are at most 256 then, and by the queries with fewer bits.
 *
 * @param queries  f32[B, D]
 * @param pool     f32[P, D]
 * @param options  count; screen, which must be `quantiseRows` of this pool
 * @returns        index u32[B], score f32[B]
 * @throws         ShapeError unless both have the same D, no dimension is 0, and screen is of P
 *                 rows of D elements, at most 133,144 of 8 bits
 * @see            Yang, Gao & Mirzasoleiman 2023, arXiv:2303.06854
 */
export function nearest(queries: Tensor, pool: Tensor, options: NearestOptions = {}): Found {
  const { count, screen } = options;
  const operands = {
    queries: [queries, "B D"],
    pool: [pool, "P D"],
    count: [count, "N", "u32"],
  } as const;
  const { B, P, D, N = 1 } = match("nearest", operands);
  if (B * P * D * N === 0) throw shapeError("nearest", "no dimension may be 0", operands);
  const task: Task = {
    sizes: { B, P, D, count_at: N - 1 },
    queries: padded(queries, B, D),
    pool: padded(pool, P, D),
    count: count ?? constant(Uint32Array.of(P)),
  };
  if (!screen) return searched(task);
  const given = {
    "screen.words": [screen.words, `P ${quantisedWidth(D, screen.bits)}`, "u32"],
    "screen.bounds": [screen.bounds, `P ${BOUNDS}`],
    pool: [pool, "P D"],
  } as const;
  match("nearest", given);
  if (screen.bits === 8 && D > MOST_COLUMNS)
    throw shapeError("nearest", `integers of 8 bits need D ≤ ${MOST_COLUMNS}`, given);
  return screened(task, quantiseRows(queries, screen.bits), screen);
}

/** A search: operands that can be read as vec4. */
interface Task {
  readonly sizes: Readonly<Record<"B" | "P" | "D" | "count_at", number>>;
  readonly queries: Tensor;
  readonly pool: Tensor;
  readonly count: Tensor;
}

/** How a pool is divided: rows of a part, parts, all of them in one window. */
function partsOf({ sizes: { P, count_at } }: Task, most: number) {
  const span = Math.ceil(P / most / PART_ROWS) * PART_ROWS;
  return { span, parts: Math.ceil(P / span), count_at, window_first: 0, window_rows: P };
}

/**
 * All rows, in f32.
 *
 * @param again  u32[B] of how many rows each query, or one beside it, must be told the best
 */
function searched(task: Task, again?: Tensor): Found {
  const { queries, pool, count, sizes } = task;
  const { B, P, D } = sizes;
  const parts = partsOf(task, MAX_PARTS);
  const found = launch(
    search,
    { B, P, depth: Math.ceil(D / COLUMNS), ...parts },
    { queries, pool, count: again ?? count },
    { score: [B, parts.parts], index: { shape: [B, parts.parts], dtype: "u32" } },
    { COUNTS: again ? 1 : 0 },
  );
  return launch(
    nearestMerge,
    { B, parts: parts.parts },
    { scores: found.score, indices: found.index },
    { score: [B], index: { shape: [B], dtype: "u32" } },
  );
}

/** Rows that can be the best, by fewer bits; of those the best, in f32. */
function screened(task: Task, queries: QuantisedRows, pool: QuantisedRows): Found {
  const { count, sizes } = task;
  const { B, P, D, count_at } = sizes;
  const depth = Math.ceil(D / COLUMNS);
  const parts = partsOf(task, MAX_SCREEN_PARTS);
  const { found } = launch(
    SCREENS[pool.bits],
    { B, P, D, depth: quantisedWidth(D, pool.bits) / WORDS_READ[pool.bits], ...parts },
    {
      queries: queries.words,
      pool: pool.words,
      query_bounds: queries.bounds,
      pool_bounds: pool.bounds,
      count,
    },
    { found: { shape: [B, parts.parts, FOUND], dtype: "u32" } },
  );
  const { floor_of, again } = launch(
    nearestFloor,
    { B, P, parts: parts.parts, count_at },
    { found, count },
    { floor_of: [B], again: { shape: [B], dtype: "u32" } },
  );
  const whole = searched(task, again);
  return launch(
    nearestRescore,
    { B, P, depth, ...parts },
    { queries: task.queries, pool: task.pool, count, found, floor_of, again, ...whole },
    {},
  );
}
