import { nearestMerge, nearest as search } from "../../kernels/nearest/nearest.ts";
import { padCols } from "../../kernels/pad_cols/pad_cols.ts";
import { constant, launch, type Tensor } from "../graph.ts";
import { match, shapeError } from "../shape.ts";

/** Columns that the kernel reads at a time. */
const COLUMNS = 4;

/** Pool rows in a part: a multiple of what a workgroup takes at a time, whatever its constants. */
const PART_ROWS = 128;

/** Parts of a pool at most: with the tiles of queries, enough workgroups for the largest GPUs. */
const MAX_PARTS = 96;

/** Rows with zeros behind them, so that they can be read as vec4. */
function padded(x: Tensor, rows: number, cols: number): Tensor {
  if (cols % COLUMNS === 0) return x;
  const width = Math.ceil(cols / COLUMNS) * COLUMNS;
  return launch(padCols, { rows, cols, padded: width }, { x }, { y: [rows, width] }).y;
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
 * @param queries  f32[B, D]
 * @param pool     f32[P, D]
 * @param count    u32[N] its last element: how many rows, from the first, take part; else all
 * @returns        index u32[B], score f32[B]
 * @throws         ShapeError unless both have the same D and no dimension is 0
 * @see            Yang, Gao & Mirzasoleiman 2023, arXiv:2303.06854
 */
export function nearest(
  queries: Tensor,
  pool: Tensor,
  { count }: { readonly count?: Tensor } = {},
): { readonly index: Tensor; readonly score: Tensor } {
  const operands = {
    queries: [queries, "B D"],
    pool: [pool, "P D"],
    count: [count, "N", "u32"],
  } as const;
  const { B, P, D, N = 1 } = match("nearest", operands);
  if (B * P * D * N === 0) throw shapeError("nearest", "no dimension may be 0", operands);
  const span = Math.ceil(P / MAX_PARTS / PART_ROWS) * PART_ROWS;
  const parts = Math.ceil(P / span);
  const depth = Math.ceil(D / COLUMNS);
  const found = launch(
    search,
    { B, P, depth, span, parts, count_at: N - 1, window_first: 0, window_rows: P },
    {
      queries: padded(queries, B, D),
      pool: padded(pool, P, D),
      count: count ?? constant(Uint32Array.of(P)),
    },
    { score: [B, parts], index: { shape: [B, parts], dtype: "u32" } },
  );
  return launch(
    nearestMerge,
    { B, parts },
    { scores: found.score, indices: found.index },
    { score: [B], index: { shape: [B], dtype: "u32" } },
  );
}
