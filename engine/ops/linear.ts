import { product, type Tensor } from "../graph.ts";
import { match } from "../shape.ts";
import type { Activation } from "./activation.ts";
import { matmul } from "./matmul.ts";
import { reshape } from "./reshape.ts";

/**
 * An affine map of the last dimension, with an optional activation.
 *
 * @param x           f32[*B, K]
 * @param weight      f32[K, N]
 * @param bias        f32[N], or none
 * @param activation  "none", "relu", "gelu" or "quickGelu"
 * @returns           f32[*B, N]
 * @throws            ShapeError unless the dimensions agree
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  activation: Activation = "none",
): Tensor {
  const { B, K, N } = match("linear", {
    x: [x, "*B K"],
    weight: [weight, "K N"],
    bias: [bias, "N"],
  });
  const rows = matmul(reshape(x, [product(B), K]), weight, { bias, activation });
  return reshape(rows, [...B, N]);
}
