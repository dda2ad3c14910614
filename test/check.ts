/** Comparing device results with float64 references. */
import type { HostData } from "../engine/graph.ts";
import { fold, keyOf, stream } from "../engine/random.ts";
import { type Array64, type Case, named } from "./case.ts";

/** The largest error of `actual`, relative to the largest magnitude of `expected`, and where. */
export function worstError(
  actual: HostData,
  expected: Float64Array,
): { error: number; index: number; text: string } {
  const scale = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
  let worst = { error: 0, index: -1, text: "equal" };
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!) / scale;
    // NaN on one side only is the worst error there is.
    const error = Object.is(actual[i], expected[i])
      ? 0
      : Number.isNaN(difference)
        ? 1e99
        : difference;
    if (error > worst.error) {
      const text = `[${i}]: ${actual[i]} instead of ${expected[i]}, scale ${scale}`;
      worst = { error, index: i, text };
    }
  }
  return worst;
}

const H = 1e-5; // step of the central differences: error about H² and 1e-16 / H
const SAMPLES = 48; // elements of each operand that are differenced

/** The elements of an operand of `length` whose gradient is checked: all, or a seeded sample. */
export function sampled(length: number): number[] {
  if (length <= SAMPLES) return Array.from({ length }, (_, i) => i);
  const order = stream(fold(keyOf(1), length)).permutation(length);
  return [0, length - 1, ...order.slice(0, SAMPLES - 2)];
}

/**
 * ∂(Σ cotangent · output)/∂operand[i] by central differences of the float64 reference.
 *
 * @param cotangents  by output name; outputs without one do not count
 */
export function differences(
  definition: Case,
  operands: Readonly<Record<string, Array64>>,
  cotangents: Readonly<Record<string, Float64Array>>,
  name: string,
): Map<number, number> {
  const x = operands[name]!;
  const value = (i: number, at: number) => {
    const data = x.data.slice();
    data[i] = at;
    const outputs = named<Array64>(definition.reference({ ...operands, [name]: { ...x, data } }));
    let sum = 0;
    for (const [output, dy] of Object.entries(cotangents))
      dy.forEach((d, k) => {
        sum += d * outputs[output]!.data[k]!;
      });
    return sum;
  };
  const slope = (i: number) => (value(i, x.data[i]! + H) - value(i, x.data[i]! - H)) / (2 * H);
  return new Map(sampled(x.data.length).map((i) => [i, slope(i)]));
}
