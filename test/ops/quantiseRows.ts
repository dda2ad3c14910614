import type { Tensor } from "../../engine/graph.ts";
import { quantiseRows } from "../../engine/ops/quantiseRows.ts";
import { type Array64, array64, defineCase } from "../case.ts";
import { halves } from "../halves.ts";

/** The bits of a number that f16 holds exactly, normal or 0; no zero has a sign. */
function halfBits(x: number): number {
  if (x === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(x)));
  const fraction = Math.abs(x) / 2 ** exponent - 1;
  return (x < 0 ? 0x8000 : 0) + (exponent + 15) * 1024 + fraction * 1024;
}

/** Elements as whole numbers of so many bits, packed, the first lowest; zeros behind them. */
function packed(x: Array64, width: number, bits: number, encode: (x: number, r: number) => number) {
  const [P, D] = x.shape as [number, number];
  const each = 32 / bits;
  return array64([P, width], (at) => {
    const r = Math.floor(at / width);
    let word = 0;
    for (let i = 0; i < each; i++) {
      const c = (at % width) * each + i;
      if (c < D) word += 2 ** (bits * i) * encode(x.data[r * D + c]!, r);
    }
    return word;
  });
}

const rowOf = ({ data, shape }: Array64, r: number) =>
  data.subarray(r * shape[1]!, (r + 1) * shape[1]!);
const largest = (row: Float64Array) => row.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** Scale and length of every row; its error where it is rounded: see quantiseRows.test.ts. */
const boundsOf = (x: Array64, scaleOf: (row: Float64Array) => number) =>
  array64([x.shape[0]!, 3], (i) => {
    const row = rowOf(x, Math.floor(i / 3));
    return [scaleOf(row), Math.hypot(...row), 0][i % 3]!;
  });

const exact = { relative: 2e-3, why: "bounds are enlarged by 2⁻¹⁰ and are of exact rows here" };
const shapes = [{ x: [1, 1] }, { x: [9, 4] }, { x: [31, 7] }, { x: [70, 130] }];
const bench = { "RoCLIP on 1M pairs": { x: [16384, 512] } };

/** Rows that f16 holds exactly. */
export default defineCase<"x">({
  run: ({ x }) => ({ bounds: quantiseRows(x, 16).bounds }),
  reference: ({ x }) => ({ bounds: boundsOf(x, () => 1) }),
  shapes,
  rejects: [{ x: [4] }],
  data: { x: halves },
  differentiable: [],
  tolerance: exact,
  bench,
});

/** Whole multiples of a row's scale, of which the largest is 127. */
function steps(shape: readonly number[], draws: { normal(): number }): Float32Array {
  const [P, D] = shape as [number, number];
  const x = halves(shape, draws as never).map((h) => Math.round(Math.min(h, 3.9) * 32));
  for (let r = 0; r < P; r++) {
    for (let c = 0; c < D; c++) x[r * D + c] = Math.max(-127, x[r * D + c]!) * 2 ** (r % 5);
    x[r * D + (r % D)] = 127 * 2 ** (r % 5);
  }
  return x;
}

/** Rows that 8 bits hold exactly. */
export const integers = defineCase<"x">({
  run: ({ x }) => ({ bounds: quantiseRows(x, 8).bounds }),
  reference: ({ x }) => ({ bounds: boundsOf(x, (row) => largest(row) / 127) }),
  shapes,
  data: { x: steps },
  differentiable: [],
  tolerance: exact,
  bench,
});

const same = { relative: 0, why: "whole numbers" };
const wordsOf = (bits: 16 | 8) => (given: { readonly x: Tensor }) => ({
  words: quantiseRows(given.x, bits).words,
});

export const halfWords = defineCase<"x">({
  run: wordsOf(16),
  reference: ({ x }) => ({ words: packed(x, 2 * Math.ceil(x.shape[1]! / 4), 16, halfBits) }),
  shapes,
  data: { x: halves },
  differentiable: [],
  tolerance: same,
});

export const integerWords = defineCase<"x">({
  run: wordsOf(8),
  reference({ x }) {
    const scales = Array.from({ length: x.shape[0]! }, (_, r) => largest(rowOf(x, r)) / 127);
    const encode = (value: number, r: number) => (256 + value / scales[r]!) % 256;
    return { words: packed(x, 4 * Math.ceil(x.shape[1]! / 16), 8, encode) };
  },
  shapes,
  data: { x: steps },
  differentiable: [],
  tolerance: same,
});
