import { vjp } from "../../engine/grad.ts";
import { constant, product } from "../../engine/graph.ts";
import { averagePool, maxPool } from "../../engine/ops/pool.ts";
import { type Array64, array64, defineCase } from "../case.ts";

interface Window {
  readonly size: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

/** For every output: the flat indices of x that its window covers, in reading order. */
function covered(shape: readonly number[], { size, stride, padding }: Window) {
  const [B, h, w, c] = shape as [number, number, number, number];
  const rows = Math.floor((h + 2 * padding[0] - size[0]) / stride[0]) + 1;
  const columns = Math.floor((w + 2 * padding[1] - size[1]) / stride[1]) + 1;
  const places: number[][] = [];
  for (let n = 0; n < B; n++)
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++)
        for (let k = 0; k < c; k++) {
          const own: number[] = [];
          for (let r = 0; r < size[0]; r++)
            for (let s = 0; s < size[1]; s++) {
              const u = i * stride[0] - padding[0] + r;
              const v = j * stride[1] - padding[1] + s;
              if (u >= 0 && u < h && v >= 0 && v < w) own.push(((n * h + u) * w + v) * c + k);
            }
          places.push(own);
        }
  return { places, shape: [B, rows, columns, c] };
}

const first = (x: Array64, places: readonly number[]) =>
  places.reduce((best, at) => (x.data[at]! > x.data[best]! ? at : best));

function largest(x: Array64, window: Window): Array64 {
  const { places, shape } = covered(x.shape, window);
  return array64(shape, (i) => x.data[first(x, places[i]!)]!);
}

const overlapping: Window = { size: [3, 2], stride: [2, 1], padding: [1, 1] };

export const max = defineCase<"x">({
  run: ({ x }) => maxPool(x, overlapping),
  reference: ({ x }) => largest(x, overlapping),
  shapes: [{ x: [1, 1, 1, 1] }, { x: [2, 7, 5, 3] }, { x: [1, 3, 23, 12] }],
  rejects: [{ x: [4, 4, 3] }],
  tolerance: { relative: 0, gradient: 1e-6, why: "a copy; its gradient sums at most four terms" },
});

const halving: Window = { size: [2, 2], stride: [2, 2], padding: [0, 0] };

export const maxHalving = defineCase<"x">({
  run: ({ x }) => maxPool(x, { size: 2 }),
  reference: ({ x }) => largest(x, halving),
  shapes: [{ x: [2, 5, 4, 4] }],
  rejects: [{ x: [2, 1, 4, 4] }],
  tolerance: { relative: 0, gradient: 1e-6, why: "a copy" },
  bench: { "16 × 16, 32 channels, batch 128": { x: [128, 16, 16, 32] } },
});

const CONSTANT = 3;

/** Where several places hold the maximum the first gets the whole cotangent. */
export const maxTies = defineCase<"x">({
  run({ x }) {
    const y = maxPool(x, overlapping);
    const dy = constant(new Float32Array(product(y.shape)).fill(CONSTANT), y.shape);
    return { y, slope: vjp([[y, dy]], [x])[0]! };
  },
  reference({ x }) {
    const slope = array64(x.shape);
    for (const places of covered(x.shape, overlapping).places)
      slope.data[first(x, places)]! += CONSTANT;
    return { y: largest(x, overlapping), slope };
  },
  shapes: [{ x: [2, 7, 9, 4] }],
  data: {
    x: (shape, draws) => Float32Array.from({ length: product(shape) }, () => draws.below(3)),
  },
  differentiable: [],
  tolerance: { relative: 0, why: "copies and sums of small integers" },
});

function means(x: Array64, window: Window): Array64 {
  const { places, shape } = covered(x.shape, window);
  return array64(shape, (i) => {
    const own = places[i]!;
    return own.reduce((sum, at) => sum + x.data[at]!, 0) / own.length;
  });
}

const strided: Window = { size: [3, 2], stride: [2, 3], padding: [0, 0] };

export const average = defineCase<"x">({
  run: ({ x }) => averagePool(x, { size: strided.size, stride: strided.stride }),
  reference: ({ x }) => means(x, strided),
  shapes: [{ x: [1, 3, 2, 1] }, { x: [2, 8, 9, 3] }, { x: [3, 5, 67, 4] }],
  rejects: [{ x: [2, 2, 2, 4] }],
  tolerance: { relative: 1e-6, why: "an f32 sum of six terms" },
});

export const averageWhole = defineCase<"x">({
  run: ({ x }) => averagePool(x, { size: [x.shape[1]!, x.shape[2]!] }),
  reference: ({ x }) =>
    means(x, { size: [x.shape[1]!, x.shape[2]!], stride: [1, 1], padding: [0, 0] }),
  shapes: [{ x: [3, 4, 5, 7] }, { x: [2, 8, 8, 8] }],
  tolerance: { relative: 2e-6, why: "an f32 sum of 64 terms" },
  bench: { "8 × 8, 64 channels, batch 128": { x: [128, 8, 8, 64] } },
});
