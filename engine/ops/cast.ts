import { toF16, toF32 } from "../../kernels/cast/cast.ts";
import { HALF_BITS } from "../../kernels/kernel.ts";
import { launch, product, type Tensor, withGrad } from "../graph.ts";
import { match } from "../shape.ts";

/**
 * `x` with elements of another type. To f16 rounds to 11 bits (the adapter chooses which of the two
 * nearest) and loses what is above 65504; the gradient is that of no rounding.
 *
 * @param x   f32[*S] to make it f16; f16[*S] to make it f32
 * @param to  the element type of the result
 * @returns   [*S] of that type
 * @throws    ShapeError unless x has the other type
 */
export function cast(x: Tensor, to: "f16" | "f32"): Tensor {
  const { S } = match("cast", { x: [x, "*S", to === "f16" ? "f32" : "f16"] });
  const params = { count: product(S) };
  const options = { ELEMENT: HALF_BITS };
  const { y } =
    to === "f16"
      ? launch(toF16, params, { x }, { y: { shape: S, dtype: to } }, options)
      : launch(toF32, params, { x }, { y: S }, options);
  return withGrad(y, { x }, (dy) => ({ x: dy }));
}
