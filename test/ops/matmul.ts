import { cast } from "../../engine/ops/cast.ts";
import { type MatmulOptions, matmul } from "../../engine/ops/matmul.ts";
import { type Array64, array64, defineCase } from "../case.ts";
import { halves } from "../halves.ts";

const TOLERANCE = { relative: 2e-6, why: "f32 sums over K ≤ 520; errors of sums grow as √K" };

/** The product with plain loops; `b` may lack the leading dimensions of `a`. */
function reference(a: Array64, b: Array64, { transposeA, transposeB }: MatmulOptions = {}) {
  const [aRows, aCols] = a.shape.slice(-2) as [number, number];
  const [bRows, bCols] = b.shape.slice(-2) as [number, number];
  const [M, K] = transposeA ? [aCols, aRows] : [aRows, aCols];
  const N = transposeB ? bRows : bCols;
  const y = array64([...a.shape.slice(0, -2), M, N]);
  const shared = b.shape.length < a.shape.length;
  for (let i = 0; i < y.data.length; i++) {
    const n = i % N;
    const m = Math.floor(i / N) % M;
    const sheet = Math.floor(i / (M * N));
    const aFirst = sheet * M * K;
    const bFirst = shared ? 0 : sheet * K * N;
    for (let k = 0; k < K; k++)
      y.data[i]! +=
        a.data[aFirst + (transposeA ? k * M + m : m * K + k)]! *
        b.data[bFirst + (transposeB ? n * K + k : k * N + n)]!;
  }
  return y;
}

const withOptions = (options: MatmulOptions) => ({
  run: ({ a, b }: Record<"a" | "b", Parameters<typeof matmul>[0]>) => matmul(a, b, options),
  reference: ({ a, b }: Record<"a" | "b", Array64>) => reference(a, b, options),
  tolerance: TOLERANCE,
});

export const plain = defineCase<"a" | "b">({
  ...withOptions({}),
  shapes: [
    { a: [1, 1], b: [1, 1] },
    { a: [3, 520], b: [520, 5] } /* K split in two parts */,
    { a: [2, 3, 5, 7], b: [2, 3, 7, 4] },
    { a: [2, 13, 11], b: [11, 3] } /* shared */,
    { a: [67, 6], b: [6, 37] } /* beyond a tile both ways */,
  ],
  rejects: [
    { a: [2, 3], b: [2, 3] },
    { a: [2, 2, 3], b: [3, 3, 2] },
    { a: [2], b: [2, 2] },
  ],
  bench: {
    "projection of queries, keys, values: batch 128 × 16, width 64": {
      a: [2048, 64],
      b: [64, 192],
    },
    "MLP, batch 128 × 16, width 64": { a: [2048, 64], b: [64, 256] },
    "image projection, batch 128": { a: [128, 128], b: [128, 64] },
    "square 512": { a: [512, 512], b: [512, 512] },
  },
});

/** Sizes that let whole blocks be loaded, here and in both gradients: all transposes of them. */
export const quads = defineCase<"a" | "b">({
  ...withOptions({}),
  shapes: [{ a: [132, 36], b: [36, 136] } /* beyond every tile; terms left over */],
});

/** The same without whole blocks. */
export const odd = defineCase<"a" | "b">({
  ...withOptions({}),
  shapes: [{ a: [131, 35], b: [35, 133] }],
});

export const biased = defineCase<"a" | "b" | "bias">({
  run: ({ a, b, bias }) => matmul(a, b, { bias }),
  reference({ a, b, bias }) {
    const y = reference(a, b);
    return array64(y.shape, (i) => y.data[i]! + bias.data[i % bias.data.length]!);
  },
  tolerance: TOLERANCE,
  shapes: [
    { a: [3, 520], b: [520, 5], bias: [5] } /* K split in two parts; one has the bias */,
    { a: [2, 3, 5], b: [2, 5, 4], bias: [4] },
    { a: [2, 35, 6], b: [6, 37], bias: [37] },
  ],
  rejects: [{ a: [2, 3], b: [3, 2], bias: [3] }],
});

export const transposedA = defineCase<"a" | "b">({
  ...withOptions({ transposeA: true }),
  shapes: [
    { a: [2, 7, 3], b: [2, 7, 5] },
    { a: [6, 67], b: [6, 37] },
  ],
  rejects: [{ a: [2, 7, 3], b: [7, 5] }],
  bench: {
    "gradient of the projection's weights": { a: [2048, 64], b: [2048, 192] },
  },
});

export const transposedB = defineCase<"a" | "b">({
  ...withOptions({ transposeB: true }),
  shapes: [
    { a: [2, 3, 7], b: [2, 5, 7] },
    { a: [3, 2, 7], b: [5, 7] },
    { a: [67, 6], b: [37, 6] },
  ],
  rejects: [{ a: [3, 7], b: [7, 3] }],
  bench: {
    "scores of a batch of 128, embedding 64": { a: [128, 64], b: [128, 64] },
  },
});

export const transposedBoth = defineCase<"a" | "b">({
  ...withOptions({ transposeA: true, transposeB: true }),
  shapes: [{ a: [2, 7, 3], b: [2, 5, 7] }],
});

/** [*B, rows, H, cols] as [*B, H, rows, cols], or back. */
function swapped({ shape, data }: Array64): Array64 {
  const [rows, H, cols] = shape.slice(-3) as [number, number, number];
  return array64([...shape.slice(0, -3), H, rows, cols], (i) => {
    const [col, row] = [i % cols, Math.floor(i / cols) % rows];
    const head = Math.floor(i / (cols * rows)) % H;
    const first = Math.floor(i / (cols * rows * H)) * rows;
    return data[((first + row) * H + head) * cols + col]!;
  });
}

/** Heads that lie side by side, with all that may follow a product. */
const ofHeads = (options: MatmulOptions) =>
  defineCase<"a" | "b" | "bias" | "residual">({
    run: ({ a, b, bias, residual }) => matmul(a, b, { ...options, heads: true, bias, residual }),
    reference({ a, b, bias, residual }) {
      const y = swapped(reference(swapped(a), swapped(b), options));
      return array64(
        y.shape,
        (i) => y.data[i]! + bias.data[i % bias.data.length]! + residual.data[i]!,
      );
    },
    tolerance: TOLERANCE,
    shapes: options.transposeA ? HEADS_TURNED : HEADS,
    rejects: [{ a: [2, 3, 5], b: [3, 2, 5], bias: [5], residual: [2, 3, 5] }],
  });
const head = (...[a, b, y]: [number[], number[], number[]]) => ({
  a,
  b,
  bias: y.slice(-1),
  residual: y,
});
const HEADS = [
  head([2, 35, 3, 8], [2, 8, 3, 12], [2, 35, 3, 12]),
  head([5, 1, 7], [7, 1, 2], [5, 1, 2]) /* one head */,
  head([3, 2, 520], [520, 2, 5], [3, 2, 5]) /* K split in two parts */,
];
const HEADS_TURNED = [
  head([2, 8, 3, 35], [2, 12, 3, 8], [2, 35, 3, 12]),
  head([7, 2, 5], [3, 2, 7], [5, 2, 3]),
];
export const heads = ofHeads({});
export const headsTransposed = ofHeads({ transposeA: true, transposeB: true });

/** Operands of f16, whose products f32 holds: only cotangents are rounded to f16. */
const ofHalves = (options: MatmulOptions = {}) => ({
  run: ({ a, b }: Record<"a" | "b", Parameters<typeof matmul>[0]>) =>
    matmul(cast(a, "f16"), cast(b, "f16"), options),
  reference: ({ a, b }: Record<"a" | "b", Array64>) => reference(a, b, options),
  data: { a: halves, b: halves },
  tolerance: { ...TOLERANCE, gradient: 1e-3 }, // 2⁻¹⁰ in each cotangent
});

export const half = defineCase<"a" | "b">({
  ...ofHalves(),
  shapes: [
    { a: [1, 1], b: [1, 1] },
    { a: [3, 520], b: [520, 5] } /* K split in two parts */,
    { a: [2, 13, 11], b: [11, 3] },
    { a: [131, 35], b: [35, 133] } /* beyond every tile, without whole blocks */,
    { a: [132, 36], b: [36, 136] } /* with whole blocks; all transposes in the gradients */,
  ],
  rejects: [{ a: [2, 3], b: [2, 3] }],
  bench: {
    "square 512, f16": { a: [512, 512], b: [512, 512] },
    "MLP, batch 128 × 16, width 64, f16": { a: [2048, 64], b: [64, 256] },
  },
});

export const halfBiased = defineCase<"a" | "b" | "bias">({
  run: ({ a, b, bias }) =>
    matmul(cast(a, "f16"), cast(b, "f16"), { bias, transposeB: true, activation: "relu" }),
  reference({ a, b, bias }) {
    const y = reference(a, b, { transposeB: true });
    const N = bias.data.length;
    return array64(y.shape, (i) => Math.max(y.data[i]! + bias.data[i % N]!, 0));
  },
  data: { a: halves, b: halves },
  tolerance: { ...TOLERANCE, gradient: 1e-3 },
  shapes: [{ a: [67, 20], b: [70, 20], bias: [70] }],
});

export const mixed = defineCase<"a" | "b">({
  ...ofHalves(),
  run: ({ a, b }) => ({
    first: matmul(cast(a, "f16"), b),
    second: matmul(a, cast(b, "f16")),
    neither: matmul(a, b),
  }),
  reference(operands) {
    const y = reference(operands.a, operands.b);
    return { first: y, second: y, neither: y };
  },
  shapes: [{ a: [5, 7], b: [7, 6] }],
});
