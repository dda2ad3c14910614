import { add as kernel } from "../../kernels/add/add.ts";
import { vectorWidth } from "../../kernels/kernel.ts";
import { launch, product, type Tensor, withGrad } from "../graph.ts";
import { shapeError } from "../shape.ts";
import { isSuffix, sumRows } from "./rows.ts";

/**
 * Elementwise sum; `y` may lack leading dimensions of `x` and is repeated along them.
 *
 * @param x  f32[*B, *S]
 * @param y  f32[*S]
 * @returns  f32[*B, *S]
 * @throws   ShapeError unless x's shape ends in y's
 */
export function add(x: Tensor, y: Tensor): Tensor {
  if (!isSuffix(y.shape, x.shape))
    throw shapeError("add", "the shape of x must end in the shape of y", {
      x: [x, "*B *S"],
      y: [y, "*S"],
    });
  const VECTOR = vectorWidth(product(y.shape));
  const [count, period] = [product(x.shape) / VECTOR, product(y.shape) / VECTOR];
  const REPEAT = period === count ? 0 : 1;
  const { z } = launch(kernel, { count, period }, { x, y }, { z: x.shape }, { REPEAT, VECTOR });
  return withGrad(z, { x, y }, (dz) => ({
    x: dz,
    y: y.shape.length === x.shape.length ? dz : sumRows(dz, y.shape),
  }));
}
