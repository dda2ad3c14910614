import type { HostData } from "../../engine/graph.ts";
import { batchnorm, batchnormAgain, batchnormEval } from "../../engine/ops/batchnorm.ts";
import { type Array64, array64, defineCase } from "../case.ts";

const EPS = 1e-5;
const MOMENTUM = 0.3;

/** Mean and biased variance of each column. */
function moments(x: Array64, C: number): { mean: Float64Array; variance: Float64Array } {
  const rows = x.data.length / C;
  const mean = new Float64Array(C);
  const variance = new Float64Array(C);
  x.data.forEach((value, i) => {
    mean[i % C]! += value / rows;
  });
  x.data.forEach((value, i) => {
    variance[i % C]! += (value - mean[i % C]!) ** 2 / rows;
  });
  return { mean, variance };
}

interface Vectors {
  readonly gain: Array64;
  readonly bias: Array64;
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
}

const normalised = (x: Array64, { gain, bias, mean, variance }: Vectors) =>
  array64(x.shape, (i) => {
    const c = i % gain.data.length;
    const unit = (x.data[i]! - mean[c]!) / Math.sqrt(variance[c]! + EPS);
    return unit * gain.data[c]! + bias.data[c]!;
  });

const relu = (x: Array64) => array64(x.shape, (i) => Math.max(x.data[i]!, 0));
const sum = (x: Array64, y: Array64) => array64(x.shape, (i) => x.data[i]! + y.data[i]!);

/** Normal draws about an offset that is large against their spread. */
const offset = (shape: readonly number[], draws: { normal(): number }): HostData =>
  Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => 500 + draws.normal());
const positive = (shape: readonly number[], draws: { uniform(): number }): HostData =>
  Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => 0.5 + draws.uniform());

const vectors = (C: number) => ({ gain: [C], bias: [C], mean: [C], variance: [C] });

export const training = defineCase<"x" | "gain" | "bias" | "mean" | "variance">({
  run({ x, gain, bias, mean, variance }) {
    const options = { momentum: MOMENTUM, eps: EPS };
    return { ...batchnorm(x, gain, bias, { mean, variance }, options) };
  },
  reference({ x, gain, bias, ...running }) {
    const C = gain.data.length;
    const rows = x.data.length / C;
    const batch = moments(x, C);
    const mix = (old: Array64, now: (c: number) => number) =>
      array64([C], (c) => (1 - MOMENTUM) * old.data[c]! + MOMENTUM * now(c));
    return {
      y: normalised(x, { gain, bias, ...batch }),
      mean: mix(running.mean, (c) => batch.mean[c]!),
      variance: mix(running.variance, (c) => (batch.variance[c]! * rows) / (rows - 1)),
      stats: array64([2, C], (i) =>
        i < C ? batch.mean[i]! : 1 / Math.sqrt(batch.variance[i - C]! + EPS),
      ),
    };
  },
  shapes: [
    { x: [3, 1], ...vectors(1) },
    { x: [5, 3, 2, 4], ...vectors(4) },
    { x: [131, 7], ...vectors(7) },
    { x: [3, 5, 5, 8], ...vectors(8) },
    { x: [2, 2, 260], ...vectors(260) } /* more Vectors in a row than a workgroup has threads */,
  ],
  rejects: [
    { x: [2, 8], ...vectors(7) },
    { x: [1, 8], ...vectors(8) },
  ],
  data: { variance: positive },
  differentiable: ["x", "gain", "bias"],
  tolerance: {
    relative: 1e-5,
    gradient: 4e-5,
    why: "f32 sums over ≤ 131 rows; with few rows dx is the small difference of cancelling terms",
  },
  bench: {
    "16 × 16, 32 channels, batch 128": { x: [128, 16, 16, 32], ...vectors(32) },
    "8 × 8, 64 channels, batch 128": { x: [128, 8, 8, 64], ...vectors(64) },
    "ResNet-50 stem, batch 8": { x: [8, 112, 112, 64], ...vectors(64) },
  },
});

/** A mean 500 times the spread costs none of the variance's digits. */
export const withOffset = defineCase<"x" | "gain" | "bias" | "mean" | "variance">({
  ...training,
  shapes: [{ x: [37, 8], ...vectors(8) }],
  rejects: [],
  data: { x: offset, variance: positive },
  tolerance: { relative: 2e-4, why: "x − mean is good to half a unit in the last place of 500" },
  bench: {},
});

export const withRelu = defineCase<"x" | "gain" | "bias" | "mean" | "variance">({
  ...training,
  run: ({ x, gain, bias, mean, variance }) =>
    batchnorm(x, gain, bias, { mean, variance }, { activation: "relu" }).y,
  reference: ({ x, gain, bias }) =>
    relu(normalised(x, { gain, bias, ...moments(x, gain.data.length) })),
  shapes: [
    { x: [13, 3], ...vectors(3) },
    { x: [2, 5, 5, 8], ...vectors(8) },
  ],
});

export const withResidual = defineCase<"x" | "gain" | "bias" | "mean" | "variance" | "residual">({
  run({ x, gain, bias, mean, variance, residual }) {
    const options = { activation: "relu", residual } as const;
    return batchnorm(x, gain, bias, { mean, variance }, options).y;
  },
  reference: ({ x, gain, bias, residual }) =>
    relu(sum(normalised(x, { gain, bias, ...moments(x, gain.data.length) }), residual)),
  shapes: [
    { x: [13, 3], ...vectors(3), residual: [13, 3] },
    { x: [2, 5, 5, 8], ...vectors(8), residual: [2, 5, 5, 8] },
  ],
  rejects: [{ x: [13, 3], ...vectors(3), residual: [12, 3] }],
  data: { variance: positive },
  differentiable: ["x", "gain", "bias", "residual"],
  tolerance: { relative: 1e-5, why: "f32 sums over ≤ 50 rows" },
  bench: {
    "16 × 16, 32 channels, batch 128": {
      x: [128, 16, 16, 32],
      ...vectors(32),
      residual: [128, 16, 16, 32],
    },
  },
});

export const evaluation = defineCase<"x" | "gain" | "bias" | "mean" | "variance">({
  run: ({ x, gain, bias, mean, variance }) => batchnormEval(x, gain, bias, mean, variance),
  reference: ({ x, gain, bias, mean, variance }) =>
    normalised(x, { gain, bias, mean: mean.data, variance: variance.data }),
  shapes: [
    { x: [1, 3], ...vectors(3) },
    { x: [131, 8], ...vectors(8) },
  ],
  rejects: [{ x: [2, 8], ...vectors(7) }],
  data: { variance: positive },
  differentiable: ["x", "gain", "bias"],
  tolerance: { relative: 1e-5, why: "four roundings; gradients are f32 sums over ≤ 131 rows" },
  bench: { "16 × 16, 32 channels, batch 128": { x: [128, 16, 16, 32], ...vectors(32) } },
});

/** The second of two passes over one batch, whose gradient is that of the first. */
export const again = defineCase<"x" | "gain" | "bias" | "mean" | "variance">({
  ...training,
  run({ x, gain, bias, mean, variance }) {
    const { stats } = batchnorm(x, gain, bias, { mean, variance });
    return batchnormAgain(x, gain, bias, stats, { activation: "relu" });
  },
  reference: ({ x, gain, bias }) =>
    relu(normalised(x, { gain, bias, ...moments(x, gain.data.length) })),
  shapes: [
    { x: [13, 3], ...vectors(3) },
    { x: [2, 5, 5, 8], ...vectors(8) },
  ],
  bench: {},
});
