import { activationGrad, activation as forward } from "../../kernels/activation/activation.ts";
import { vectorWidth } from "../../kernels/kernel.ts";
import { launch, product, type Tensor, withGrad } from "../graph.ts";

/** Nonlinearities that may follow a product. */
export type Activation = "none" | "relu" | "gelu" | "quickGelu";

/** The number of each in kernels/lib/activation.wgsl. */
const ACTIVATION_KIND = { none: 0, relu: 1, gelu: 2, quickGelu: 3 } as const;

/** How many Vectors a tensor has, and of how many elements. */
function vectorsOf(x: Tensor): { count: number; VECTOR: number } {
  const elements = product(x.shape);
  const VECTOR = vectorWidth(elements);
  return { count: elements / VECTOR, VECTOR };
}

function activate(x: Tensor, KIND: number): Tensor {
  const { count, VECTOR } = vectorsOf(x);
  const { y } = launch(forward, { count }, { x }, { y: x.shape }, { KIND, VECTOR });
  return withGrad(y, { x }, (dy) => ({
    x: launch(activationGrad, { count }, { x, dy }, { dx: x.shape }, { KIND, VECTOR }).dx,
  }));
}

/**
 * max(x, 0), elementwise; the derivative at 0 is 0.
 *
 * @param x  f32[*S]
 * @returns  f32[*S]
 */
export function relu(x: Tensor): Tensor {
  return activate(x, ACTIVATION_KIND.relu);
}

/**
 * x · Φ(x), elementwise, with Φ the normal distribution function (not its tanh approximation).
 *
 * @param x  f32[*S]
 * @returns  f32[*S]
 * @see      Hendrycks & Gimpel 2016, arXiv:1606.08415, §2
 */
export function gelu(x: Tensor): Tensor {
  return activate(x, ACTIVATION_KIND.gelu);
}

/**
 * x · σ(1.702 x), elementwise: the GELU of OpenAI's CLIP.
 *
 * @param x  f32[*S]
 * @returns  f32[*S]
 * @see      Hendrycks & Gimpel 2016, arXiv:1606.08415, §2
 */
export function quickGelu(x: Tensor): Tensor {
  return activate(x, ACTIVATION_KIND.quickGelu);
}
