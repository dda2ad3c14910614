import { vectorWidth } from "../../kernels/kernel.ts";
import { multiply as kernel } from "../../kernels/multiply/multiply.ts";
import { launch, product, type Tensor, withGrad } from "../graph.ts";
import { shapeError } from "../shape.ts";
import { sum } from "./reduce.ts";
import { isSuffix, sumRows } from "./rows.ts";

/**
 * Elementwise product; `y` may lack leading dimensions of `x` and is repeated along them.
 *
 * @param x  f32[*B, *S]
 * @param y  f32[*S]
 * @returns  f32[*B, *S]
 * @throws   ShapeError unless x's shape ends in y's
 */
export function multiply(x: Tensor, y: Tensor): Tensor {
  if (!isSuffix(y.shape, x.shape))
    throw shapeError("multiply", "the shape of x must end in the shape of y", {
      x: [x, "*B *S"],
      y: [y, "*S"],
    });
  const period = product(y.shape);
  const VECTOR = vectorWidth(period);
  const params = { count: product(x.shape) / VECTOR, period: period / VECTOR };
  const options = { REPEAT: params.count === params.period ? 0 : 1, VECTOR };
  const { z } = launch(kernel, params, { x, y }, { z: x.shape }, options);
  return withGrad(z, { x, y }, (dz) => {
    const terms = multiply(dz, x);
    const whole = y.shape.length === x.shape.length;
    const scalar = y.shape.length === 0;
    const dy = whole ? terms : scalar ? sum(terms) : sumRows(terms, y.shape);
    return { x: multiply(dz, y), y: dy };
  });
}
