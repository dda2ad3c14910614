import { mean, repeatLast, sum, sumLast } from "../../engine/ops/reduce.ts";
import { type Array64, array64, defineCase } from "../case.ts";

const total = (x: Array64) => x.data.reduce((s, value) => s + value, 0);

export const all = defineCase<"x">({
  run: ({ x }) => sum(x),
  reference: (operands) => array64([], () => total(operands.x)),
  shapes: [{ x: [] }, { x: [1] }, { x: [3, 5, 7] }, { x: [1024] }, { x: [41, 101] }],
  tolerance: { relative: 2e-5, why: "an f32 sum of ≤ 4141 terms whose sum is about their root" },
  bench: { "a loss over 128 × 16 tokens × 512": { x: [128, 16, 512] } },
});

export const average = defineCase<"x">({
  run: ({ x }) => mean(x),
  reference: ({ x }) => array64([], () => total(x) / x.data.length),
  shapes: [{ x: [7] }, { x: [41, 101] }],
  tolerance: { relative: 2e-5, why: "an f32 sum of ≤ 4141 terms whose sum is about their root" },
});

export const last = defineCase<"x">({
  run: ({ x }) => sumLast(x),
  reference({ x }) {
    const D = x.shape.at(-1)!;
    return array64(x.shape.slice(0, -1), (r) =>
      x.data.subarray(r * D, (r + 1) * D).reduce((s, value) => s + value, 0),
    );
  },
  shapes: [{ x: [1] }, { x: [3, 5, 7] }, { x: [13, 1] }, { x: [67, 128] }, { x: [2, 257] }],
  rejects: [{ x: [] }],
  tolerance: { relative: 1e-6, why: "f32 sums over ≤ 257 columns" },
  bench: { "rows of 128 × 16 tokens": { x: [2048, 128] } },
});

export const repeat = defineCase<"x">({
  run: ({ x }) => repeatLast(x, 12),
  reference: ({ x }) => array64([...x.shape, 12], (i) => x.data[Math.floor(i / 12)]!),
  shapes: [{ x: [] }, { x: [3, 23] }],
  tolerance: {
    relative: 0,
    gradient: 1e-6,
    why: "a copy; its gradient an f32 sum over 12 columns",
  },
});

export const repeatOdd = defineCase<"x">({
  run: ({ x }) => repeatLast(x, 7),
  reference: ({ x }) => array64([...x.shape, 7], (i) => x.data[Math.floor(i / 7)]!),
  shapes: [{ x: [3, 23] }],
  tolerance: { relative: 0, gradient: 1e-6, why: "a copy; its gradient an f32 sum over 7 columns" },
});
