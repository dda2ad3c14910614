import { activationGrad, activation as forward } from "../../kernels/activation/activation.ts";
import { vectorWidth } from "../../kernels/kernel.ts";
import { launch, product, type Tensor, withGrad } from "../graph.ts";

/** Nonlinearities that may follow a product. */
export type Activation = "none" | "relu" | "gelu" | "quickGelu";

/** The number of each in kernels/lib/activation.wgsl. */
export const ACTIVATION_KIND = { none: 0, relu: 1, gelu: 2, quickGelu: 3 } as const;

/** How many Vectors a tensor has, and of how many elements. */
function vectorsOf(x: Tensor): { count: number; VECTOR: number } {
  const elements = product(x.shape);
  const VECTOR = vectorWidth(elements);
  return { count: elements / VECTOR, VECTOR };
}

/**
 * The cotangent of an activation's operand.
 *
 * @param kind  of activation; not "none"
 * @param x     f32[*S], the operand; of relu, what it made will do as well
 * @param dy    f32[*S]
 * @returns     f32[*S]
 */
export function activationCotangent(kind: Activation, x: Tensor, dy: Tensor): Tensor {
  const { count, VECTOR } = vectorsOf(x);
  const options = { KIND: ACTIVATION_KIND[kind], VECTOR };
  return launch(activationGrad, { count }, { x, dy }, { dx: x.shape }, options).dx;
}

/** An activation as a pass of its own. */
export function activate(kind: Activation, x: Tensor): Tensor {
  if (kind === "none") return x;
  const { count, VECTOR } = vectorsOf(x);
  const options = { KIND: ACTIVATION_KIND[kind], VECTOR };
  const { y } = launch(forward, { count }, { x }, { y: x.shape }, options);
  return withGrad(y, { x }, (dy) => ({ x: activationCotangent(kind, x, dy) }));
}

/**
 * max(x, 0), elementwise; the derivative at 0 is 0.
 *
 * @param x  f32[*S]
 * @returns  f32[*S]
 */
export function relu(x: Tensor): Tensor {
  return activate("relu", x);
}

/**
 * x · Φ(x), elementwise, with Φ the normal distribution function (not its tanh approximation).
 *
 * @param x  f32[*S]
 * @returns  f32[*S]
 * @see      Hendrycks & Gimpel 2016, arXiv:1606.08415, §2
 */
export function gelu(x: Tensor): Tensor {
  return activate("gelu", x);
}

/**
 * x · σ(1.702 x), elementwise: the GELU of OpenAI's CLIP.
 *
 * @param x  f32[*S]
 * @returns  f32[*S]
 * @see      Hendrycks & Gimpel 2016, arXiv:1606.08415, §2
 */
export function quickGelu(x: Tensor): Tensor {
  return activate("quickGelu", x);
}
