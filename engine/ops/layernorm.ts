import { vectorWidth } from "../../kernels/kernel.ts";
import { layernorm as forward, layernormGrad } from "../../kernels/layernorm/layernorm.ts";
import { launch, product, type Tensor, withGrad } from "../graph.ts";
import { match } from "../shape.ts";
import { sumRows } from "./rows.ts";

/**
 * Normalise the last dimension of `x` to zero mean and unit variance, then scale and shift it.
 *
 * @param x     f32[*B, D]
 * @param gain  f32[D]
 * @param bias  f32[D]
 * @param eps   added to the variance; in units of x²
 * @returns     f32[*B, D]
 * @throws      ShapeError unless gain and bias are [D]
 * @see         Ba, Kiros & Hinton 2016, arXiv:1607.06450, eqs. 3–4
 */
export function layernorm(x: Tensor, gain: Tensor, bias: Tensor, eps = 1e-5): Tensor {
  const { B, D } = match("layernorm", { x: [x, "*B D"], gain: [gain, "D"], bias: [bias, "D"] });
  const VECTOR = vectorWidth(D);
  const options = { WIDTH: D / VECTOR, VECTOR };
  const size = { rows: product(B) };
  const outputs = { y: x.shape, mean: B, rstd: B };
  const { y, mean, rstd } = launch(forward, { ...size, eps }, { x, gain, bias }, outputs, options);
  return withGrad(y, { x, gain, bias }, (dy) => {
    const inputs = { dy, x, gain, mean, rstd };
    const outputs = { dx: x.shape, dgain: x.shape };
    const { dx, dgain } = launch(layernormGrad, size, inputs, outputs, options);
    return { x: dx, gain: sumRows(dgain, [D]), bias: sumRows(dy, [D]) };
  });
}
