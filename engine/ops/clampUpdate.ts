import { clamp as kernel } from "../../kernels/clamp/clamp.ts";
import { launch, product, type Tensor } from "../graph.ts";
import { match } from "../shape.ts";

/**
 * Keep every element of a state within bounds, in place; NaN stays NaN.
 *
 * @param x     f32[*S], state
 * @param low   least value
 * @param high  largest value
 * @returns     f32[*S], the new version
 * @throws      ShapeError unless x is f32
 */
export function clampUpdate(x: Tensor, low: number, high: number): Tensor {
  const { S } = match("clampUpdate", { x: [x, "*S"] });
  return launch(kernel, { count: product(S), low, high }, { x }, {}).x;
}
