import { activationGrad, activation as forward } from "../../kernels/activation/activation.ts";
import { launch, product, type Tensor, withGrad } from "../graph.ts";

/** Nonlinearities that may follow a product. */
export type Activation = "none" | "relu" | "gelu" | "quickGelu";

/** The number of each in kernels/lib/activation.wgsl. */
export const ACTIVATION_KIND = { none: 0, relu: 1, gelu: 2, quickGelu: 3 } as const;

/** The cotangent of what an activation was applied to. */
export function activationCotangent(x: Tensor, dy: Tensor, kind: number): Tensor {
  const count = product(x.shape);
  return launch(activationGrad, { count }, { x, dy }, { dx: x.shape }, { KIND: kind }).dx;
}

function activate(x: Tensor, kind: number): Tensor {
  const { y } = launch(forward, { count: product(x.shape) }, { x }, { y: x.shape }, { KIND: kind });
  return withGrad(y, { x }, (dy) => ({ x: activationCotangent(x, dy, kind) }));
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
