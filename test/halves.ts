/** Numbers that f16 holds, for cases whose operands are rounded to it. */
import { product } from "../engine/graph.ts";
import type { Stream } from "../engine/random.ts";

const STEP = 2 ** -8; // f16 has 11 bits: every multiple of this is in it up to 2³

/** Standard normal draws rounded to a multiple of 2⁻⁸, at most 7.996 in magnitude. */
export function halves(shape: readonly number[], draws: Stream): Float32Array {
  const most = 8 - STEP;
  return Float32Array.from({ length: product(shape) }, () =>
    Math.min(Math.max(STEP * Math.round(draws.normal() / STEP), -most), most),
  );
}
