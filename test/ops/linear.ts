import type { Activation } from "../../engine/ops/activation.ts";
import { linear } from "../../engine/ops/linear.ts";
import { type Array64, array64, defineCase } from "../case.ts";
import { normalDistribution } from "../normalDistribution.ts";

function affine(x: Array64, weight: Array64, bias?: Array64): Array64 {
  const [K, N] = weight.shape as [number, number];
  return array64([...x.shape.slice(0, -1), N], (i) => {
    const [row, n] = [Math.floor(i / N), i % N];
    let sum = bias?.data[n] ?? 0;
    for (let k = 0; k < K; k++) sum += x.data[row * K + k]! * weight.data[k * N + n]!;
    return sum;
  });
}

const tolerance = { relative: 2e-6, why: "f32 sums over K ≤ 19 and over at most 34 rows" };

export default defineCase<"x" | "weight" | "bias">({
  run: ({ x, weight, bias }) => linear(x, weight, bias),
  reference: ({ x, weight, bias }) => affine(x, weight, bias),
  shapes: [
    { x: [1], weight: [1, 1], bias: [1] },
    { x: [2, 17, 19], weight: [19, 9], bias: [9] },
  ],
  rejects: [
    { x: [2, 3], weight: [4, 5], bias: [5] },
    { x: [2, 3], weight: [3, 5], bias: [3] },
  ],
  tolerance,
  bench: { "MLP, demo": { x: [128, 12, 64], weight: [64, 256], bias: [256] } },
});

const activated = (activation: Activation, f: (x: number) => number) =>
  defineCase<"x" | "weight" | "bias">({
    run: ({ x, weight, bias }) => linear(x, weight, bias, { activation }),
    reference({ x, weight, bias }) {
      const y = affine(x, weight, bias);
      return array64(y.shape, (i) => f(y.data[i]!));
    },
    shapes: [
      { x: [5, 8], weight: [8, 12], bias: [12] },
      { x: [35, 2], weight: [2, 37], bias: [37] } /* beyond a tile both ways */,
      { x: [2, 520], weight: [520, 3], bias: [3] } /* partial sums, then the activation */,
    ],
    tolerance: { relative: 2e-6, why: "f32 sums over K ≤ 520, the activation to 1.5e-7" },
    bench: { "MLP, demo": { x: [128, 12, 64], weight: [64, 256], bias: [256] } },
  });

export const relu = activated("relu", (x) => Math.max(x, 0));
export const gelu = activated("gelu", (x) => x * normalDistribution(x));
export const quickGelu = activated("quickGelu", (x) => x / (1 + Math.exp(-1.702 * x)));

const withResidual = (activation: Activation, f: (x: number) => number) =>
  defineCase<"x" | "weight" | "bias" | "residual">({
    run: ({ x, weight, bias, residual }) => linear(x, weight, bias, { activation, residual }),
    reference({ x, weight, bias, residual }) {
      const y = affine(x, weight, bias);
      return array64(y.shape, (i) => f(y.data[i]!) + residual.data[i]!);
    },
    shapes: [
      { x: [5, 8], weight: [8, 12], bias: [12], residual: [5, 12] },
      { x: [5, 7, 2], weight: [2, 37], bias: [37], residual: [5, 7, 37] } /* beyond a tile */,
      { x: [2, 520], weight: [520, 3], bias: [3], residual: [2, 3] } /* partial sums */,
    ],
    rejects: [{ x: [5, 8], weight: [8, 12], bias: [12], residual: [12] }],
    tolerance: { relative: 2e-6, why: "as the activations" },
  });

export const residual = withResidual("none", (x) => x);
export const residualAfterRelu = withResidual("relu", (x) => Math.max(x, 0));
