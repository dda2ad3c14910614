/** Initial values of parameters, on the host. */
import { type HostArray, type Key, product, stream } from "../engine/index.ts";

/** Normal draws of a standard deviation. */
export function normal(shape: readonly number[], std: number, key: Key): HostArray {
  const draws = stream(key);
  return { shape, data: Float32Array.from({ length: product(shape) }, () => std * draws.normal()) };
}

/** Uniform draws from [−bound, bound). */
export function uniform(shape: readonly number[], bound: number, key: Key): HostArray {
  const draws = stream(key);
  const draw = () => (2 * draws.uniform() - 1) * bound;
  return { shape, data: Float32Array.from({ length: product(shape) }, draw) };
}

/** One value everywhere. */
export function filled(shape: readonly number[], value: number): HostArray {
  return { shape, data: new Float32Array(product(shape)).fill(value) };
}

/** Gain and bias of a layer or batch norm. */
export interface Norm<Leaf> {
  readonly gain: Leaf;
  readonly bias: Leaf;
}

/** Gain 1 and bias 0 of a layer or batch norm. */
export function unitNorm(width: number): Norm<HostArray> {
  return { gain: filled([width], 1), bias: filled([width], 0) };
}

/** Weight and bias of a linear map. */
export interface Affine<Leaf> {
  /** f32[in, out] */
  readonly weight: Leaf;
  /** f32[out] */
  readonly bias: Leaf;
}

/**
 * What PyTorch gives the biases of a linear map, and the weights of linear maps and convolutions,
 * that nothing else is said about: uniform, bounded by the root of the number of inputs.
 *
 * @see torch.nn.Linear, torch.nn.Conv2d
 */
export const torchBound = (inputs: number) => inputs ** -0.5;
