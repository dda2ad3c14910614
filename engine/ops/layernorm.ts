import { vectorWidth } from "../../kernels/kernel.ts";
import { layernorm as forward, layernormGrad } from "../../kernels/layernorm/layernorm.ts";
import { launch, product, type Tensor, withGrad } from "../graph.ts";
import { match } from "../shape.ts";
import { type Kept, keptAs } from "./cast.ts";
import { sumRows } from "./rows.ts";

/** Choices of `layernorm`. */
export interface LayernormOptions {
  /** Added to the variance, in units of x²; 1e-5 when left out. */
  readonly eps?: number;
  /** What is kept of x for the gradient; f32 when left out. */
  readonly kept?: Kept;
}

/**
 * Normalise the last dimension of `x` to zero mean and unit variance, then scale and shift it.
 *
 * @param x        f32[*B, D]
 * @param gain     f32[D]
 * @param bias     f32[D]
 * @param options  eps; kept: with f16 the gradient is that of x rounded to f16
 * @returns        f32[*B, D]
 * @throws         ShapeError unless gain and bias are [D]
 * @see            Ba, Kiros & Hinton 2016, arXiv:1607.06450, eqs. 3–4
 */
export function layernorm(
  x: Tensor,
  gain: Tensor,
  bias: Tensor,
  { eps = 1e-5, kept = "f32" }: LayernormOptions = {},
): Tensor {
  const { B, D } = match("layernorm", { x: [x, "*B D"], gain: [gain, "D"], bias: [bias, "D"] });
  const VECTOR = vectorWidth(D);
  const options = { WIDTH: D / VECTOR, VECTOR };
  const size = { rows: product(B) };
  const outputs = { y: x.shape, mean: B, rstd: B };
  const { y, mean, rstd } = launch(forward, { ...size, eps }, { x, gain, bias }, outputs, options);
  const later = keptAs(x, kept);
  return withGrad(y, { x, gain, bias }, (dy) => {
    const inputs = { dy, x: later(), gain, mean, rstd };
    const outputs = { dx: x.shape, dgain: x.shape };
    const { dx, dgain } = launch(layernormGrad, size, inputs, outputs, options);
    return { x: dx, gain: sumRows(dgain, [D]), bias: sumRows(dy, [D]) };
  });
}
