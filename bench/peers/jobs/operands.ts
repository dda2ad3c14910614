/** Operands of jobs, and the entries of their results that are checked. */
import { type HostArray, product } from "../../../engine/graph.ts";
import { quickNormals, quickStream } from "../../quickStream.ts";
import type { Expected, Named } from "../job.ts";

/** Standard deviates for every name; always the same. */
export function normals(shapes: Named<readonly number[]>): Record<string, HostArray> {
  const entries = Object.entries(shapes).map(([name, shape], place) => [
    name,
    { shape, data: quickNormals(product(shape), quickStream(place + 1)) },
  ]);
  return Object.fromEntries(entries);
}

/** Sampled entries of a result. */
const SAMPLES = 256;

/**
 * Some entries of a result, spread over it by chance.
 *
 * @param value  of an entry by its flat index
 */
export function sampled(
  name: string,
  shape: readonly number[],
  value: (index: number) => number,
): Expected {
  const elements = product(shape);
  const { below } = quickStream(elements);
  const at = Array.from({ length: SAMPLES }, () => below(elements));
  return { name, at, values: at.map(value) };
}

/** The sum of f(0) … f(count − 1). */
export function total(count: number, f: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += f(i);
  return sum;
}
