import { product, type Tensor } from "../graph.ts";
import { floating, match } from "../shape.ts";
import { type MatmulOptions, matmul } from "./matmul.ts";
import { reshape } from "./reshape.ts";

/**
 * An affine map of the last dimension, with an optional activation and residual.
 *
 * @param x        f32 or f16[*B, K]
 * @param weight   f32 or f16[K, N]; where one is f16, the other is rounded to it (`matmul`)
 * @param bias     f32[N], or none
 * @param options  activation, "none", "relu", "gelu" or "quickGelu", and residual f32[*B, N]:
 *                 activation(x · weight + bias) + residual
 * @returns        f32[*B, N]
 * @throws         ShapeError unless the dimensions agree
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  { activation, residual }: Pick<MatmulOptions, "activation" | "residual"> = {},
): Tensor {
  const { B, K, N } = match("linear", {
    x: [x, "*B K", floating(x)],
    weight: [weight, "K N", floating(weight)],
    bias: [bias, "N"],
    residual: [residual, "*B N"],
  });
  const rows = product(B);
  const flat = residual && reshape(residual, [rows, N]);
  const y = matmul(reshape(x, [rows, K]), weight, { bias, activation, residual: flat });
  return reshape(y, [...B, N]);
}
