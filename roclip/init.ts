/** Initial values of parameters, on the host. */
import { type HostArray, type Key, product, stream } from "../engine/index.ts";

/** Normal draws of a standard deviation. */
export function normal(shape: readonly number[], std: number, key: Key): HostArray {
  const draws = stream(key);
  return { shape, data: Float32Array.from({ length: product(shape) }, () => std * draws.normal()) };
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
