import { softmax } from "../../engine/ops/softmax.ts";
import { type Array64, array64, defineCase } from "../case.ts";

/** exp(z) / Σ exp(z) of every row of z; 0 where z is −∞ throughout. */
function rowsOf(z: Array64): Array64 {
  const T = z.shape.at(-1)!;
  const y = array64(z.shape);
  for (let row = 0; row < z.data.length; row += T) {
    const values = z.data.subarray(row, row + T);
    const most = Math.max(...values);
    if (most === -Infinity) continue;
    const sum = values.reduce((s, v) => s + Math.exp(v - most), 0);
    values.forEach((v, c) => {
      y.data[row + c] = Math.exp(v - most) / sum;
    });
  }
  return y;
}

const tolerance = { relative: 3e-6, why: "exponentials of f32 differences, sums over T ≤ 257" };

export default defineCase<"x">({
  run: ({ x }) => softmax(x),
  reference: ({ x }) => rowsOf(x),
  shapes: [{ x: [2, 3] }, { x: [7] }, { x: [3, 5, 65] }, { x: [5, 36] }, { x: [9, 257] }],
  rejects: [{ x: [] }, { x: [3, 0] }],
  tolerance,
  bench: { "4096 rows of 1024": { x: [4096, 1024] } },
});

/** Entries whose exponentials overflow and underflow f32 unless the largest is subtracted. */
export const large = defineCase<"x">({
  run: ({ x }) => softmax(x),
  reference: ({ x }) => rowsOf(x),
  shapes: [{ x: [5, 33] }, { x: [5, 64] }],
  data: {
    x: (shape, draws) =>
      Float32Array.from({ length: shape[0]! * shape[1]! }, () => 300 * draws.normal()),
  },
  tolerance: { relative: 1e-4, gradient: 1e-4, why: "entries up to 900, in steps of 6e-5" },
});

export const causal = defineCase<"x">({
  run: ({ x }) => softmax(x, { causal: true }),
  reference({ x }) {
    const T = x.shape.at(-1)!;
    const seen = (i: number) => i % T <= Math.floor(i / T) % T;
    return rowsOf(array64(x.shape, (i) => (seen(i) ? x.data[i]! : -Infinity)));
  },
  shapes: [{ x: [2, 2] }, { x: [2, 3, 17, 17] }, { x: [77, 77] }],
  rejects: [{ x: [5] }, { x: [2, 3] }],
  tolerance,
  bench: { "text tower, batch 64": { x: [64, 8, 77, 77] } },
});

/** A mask of numbers and −∞; its first row masks everything. */
export const masked = defineCase<"x" | "mask">({
  run: ({ x, mask }) => softmax(x, { mask }),
  reference: ({ x, mask }) =>
    rowsOf(array64(x.shape, (i) => x.data[i]! + mask.data[i % mask.data.length]!)),
  shapes: [
    { x: [4, 5], mask: [4, 5] },
    { x: [2, 3, 6, 7], mask: [6, 7] },
    { x: [3, 5, 68], mask: [5, 68] },
  ],
  rejects: [
    { x: [4, 5], mask: [4] },
    { x: [4, 5], mask: [] },
    { x: [5], mask: [4, 5] },
  ],
  data: {
    mask: (shape, draws) =>
      Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => {
        const value = draws.normal();
        return i < shape.at(-1)! || value < -0.5 ? -Infinity : value;
      }),
  },
  differentiable: ["x"],
  tolerance,
});
