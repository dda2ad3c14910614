import { rank as kernel } from "../../kernels/rank/rank.ts";
import { launch, type Tensor } from "../graph.ts";
import { match } from "../shape.ts";
import { matmul } from "./matmul.ts";
import { multiply } from "./multiply.ts";
import { sumLast } from "./reduce.ts";

// Equal products may differ by their rounding: of unit rows, summed in any order, by less than this
// up to a width of 128, and hardly ever beyond it.
const MARGIN = 2 ** -16;

/**
 * How large a share of a pool is more similar to each row than its own partner is.
 *
 *   rank[b] = #{ p : rows_b · pool_p > rows_b · partners_b + 2⁻¹⁶ } / P
 *
 * so that, of unit rows, one that equals the partner is not above it, whatever the order of sums.
 * The B · P similarities are stored while it runs. Not differentiable.
 *
 * @param rows      f32[B, D]
 * @param partners  f32[B, D]
 * @param pool      f32[P, D]
 * @returns         f32[B], in [0, 1]
 * @throws          ShapeError unless the dimensions agree
 */
export function rankInPool(rows: Tensor, partners: Tensor, pool: Tensor): Tensor {
  const { B, P } = match("rankInPool", {
    rows: [rows, "B D"],
    partners: [partners, "B D"],
    pool: [pool, "P D"],
  });
  const scores = matmul(rows, pool, { transposeB: true });
  const own = sumLast(multiply(rows, partners));
  return launch(kernel, { B, P, margin: MARGIN }, { scores, own }, { rank: [B] }).rank;
}
