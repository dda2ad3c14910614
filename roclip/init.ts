/** Initial values of parameters, on the host. */
import { type HostArray, type Key, product, type Stream, stream } from "../engine/index.ts";

/** Data that is made when it is first read: a model is planned by its shapes alone. */
function lazily(shape: readonly number[], fill: (data: Float32Array) => void): HostArray {
  let made: Float32Array | undefined;
  return {
    shape,
    dtype: "f32",
    get data() {
      if (made) return made;
      made = new Float32Array(product(shape));
      fill(made);
      return made;
    },
  };
}

/** Draws, one after the other. */
function drawn(shape: readonly number[], key: Key, draw: (draws: Stream) => number): HostArray {
  return lazily(shape, (data) => {
    const draws = stream(key);
    for (let i = 0; i < data.length; i++) data[i] = draw(draws);
  });
}

/** Normal draws of a standard deviation. */
export function normal(shape: readonly number[], std: number, key: Key): HostArray {
  return drawn(shape, key, (draws) => std * draws.normal());
}

/** Uniform draws from [−bound, bound). */
export function uniform(shape: readonly number[], bound: number, key: Key): HostArray {
  return drawn(shape, key, (draws) => (2 * draws.uniform() - 1) * bound);
}

/** One value everywhere. */
export function filled(shape: readonly number[], value: number): HostArray {
  return lazily(shape, (data) => data.fill(value));
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
