import { vectorWidth } from "../../kernels/kernel.ts";
import { unitRows as forward, unitRowsGrad } from "../../kernels/unit_rows/unit_rows.ts";
import { launch, product, type Tensor, withGrad } from "../graph.ts";
import { match } from "../shape.ts";

/**
 * Scale each row to unit length: x / max(‖x‖, 1e-12).
 *
 * A zero row stays zero; the gradient of a row no longer than 1e-12 is zero, since it has no
 * direction to keep.
 *
 * @param x  f32[*B, D]
 * @returns  f32[*B, D]
 * @throws   ShapeError unless x has a dimension
 */
export function unitRows(x: Tensor): Tensor {
  const { B, D } = match("unitRows", { x: [x, "*B D"] });
  const VECTOR = vectorWidth(D);
  const size = { rows: product(B) };
  const options = { WIDTH: D / VECTOR, VECTOR };
  const { y, norm } = launch(forward, size, { x }, { y: x.shape, norm: B }, options);
  return withGrad(y, { x }, (dy) => ({
    x: launch(unitRowsGrad, size, { dy, y, norm }, { dx: x.shape }, options).dx,
  }));
}
