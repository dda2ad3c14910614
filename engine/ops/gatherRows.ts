import {
  gatherRows as forward,
  gatherRowsChains,
  gatherRowsGrad,
} from "../../kernels/gather_rows/gather_rows.ts";
import { vectorWidth } from "../../kernels/kernel.ts";
import { launch, product, type Tensor, withGrad } from "../graph.ts";
import { match } from "../shape.ts";

/**
 * The rows of `table` that `ids` name: an embedding, a pooling by position, a look-up.
 *
 * An id from V on gives a row of zeros and takes no part in the gradient.
 *
 * @param table  f32[V, D]
 * @param ids    u32[*B]
 * @returns      f32[*B, D]
 * @throws       ShapeError unless table is a matrix of f32 and ids are u32
 */
export function gatherRows(table: Tensor, ids: Tensor): Tensor {
  const { V, D, B } = match("gatherRows", { table: [table, "V D"], ids: [ids, "*B", "u32"] });
  const VECTOR = vectorWidth(D);
  const size = { rows: V, cols: D / VECTOR, count: product(B) };
  const whole = { ...size, window_first: 0, window_rows: V };
  const { y } = launch(forward, whole, { table, ids }, { y: [...B, D] }, { VECTOR });
  return withGrad(y, { table }, (dy) => {
    const chains = chainsOf(ids, size.count, V);
    const inputs = { ids, ...chains, dy };
    const { dtable } = launch(gatherRowsGrad, size, inputs, { dtable: [V, D] }, { VECTOR });
    return { table: dtable };
  });
}

/** Where each id occurs next and first: what the gradient walks along. */
function chainsOf(ids: Tensor, count: number, rows: number): { next: Tensor; first: Tensor } {
  const u32 = (elements: number) => ({ shape: [elements], dtype: "u32" }) as const;
  const outputs = { next: u32(count), first: u32(rows) };
  const VECTOR = vectorWidth(count);
  return launch(gatherRowsChains, { rows, count }, { ids, quads: ids }, outputs, { VECTOR });
}
