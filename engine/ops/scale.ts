import { vectorWidth } from "../../kernels/kernel.ts";
import { scale as kernel } from "../../kernels/scale/scale.ts";
import { launch, product, type Tensor, withGrad } from "../graph.ts";
import { match } from "../shape.ts";

/**
 * Every element times a fixed number; for a factor that changes, multiply by a scalar tensor.
 *
 * @param x       f32[*S]
 * @param factor  known when the plan is built
 * @returns       f32[*S]
 * @throws        ShapeError unless x is f32
 */
export function scale(x: Tensor, factor: number): Tensor {
  const { S } = match("scale", { x: [x, "*S"] });
  const VECTOR = vectorWidth(product(S));
  const params = { count: product(S) / VECTOR, factor };
  const { y } = launch(kernel, params, { x }, { y: S }, { VECTOR });
  return withGrad(y, { x }, (dy) => ({ x: scale(dy, factor) }));
}
