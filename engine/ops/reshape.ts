import { product, type Tensor, view, withGrad } from "../graph.ts";
import { shapeError } from "../shape.ts";

/**
 * The same elements in the same order with another shape. Costs nothing.
 *
 * @param x      f32[*S]
 * @param shape  as many elements as x has
 * @returns      f32[…shape]
 * @throws       ShapeError unless the numbers of elements agree
 */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  if (product(shape) !== product(x.shape))
    throw shapeError("reshape", `[${shape.join(", ")}] must have as many elements as x`, {
      x: [x, "*S", x.dtype],
    });
  return withGrad(view(x, shape), { x }, (dy) => ({ x: reshape(dy, x.shape) }));
}
