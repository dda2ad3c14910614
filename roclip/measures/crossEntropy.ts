/** The objective of logistic regression: quickly, in f32 on the device; in f64 on the host. */
import {
  add,
  compile,
  type Device,
  hold,
  input,
  linear,
  multiply,
  release,
  scale,
  softmax,
  sumLast,
  type Tensor,
  vjp,
} from "../../engine/index.ts";
import type { Rows } from "../measures.ts";
import type { Objective } from "./lbfgs.ts";
import { logitsOf } from "./linearModel.ts";

/** Σ cross-entropy + λ/2 ‖W‖² over N, by λ; x is W, f64[E, C], then b, f64[C]. */
export type Regularised = (lambda: number) => Objective;

/** Adds λ's part to a sum of cross-entropies and its gradient, and divides both by N. */
function regularised(
  x: Float64Array,
  { value, gradient }: { value: number; gradient: Float64Array },
  { weights, N, lambda }: { weights: number; N: number; lambda: number },
) {
  let total = value;
  for (let i = 0; i < weights; i++) {
    total += (lambda / 2) * x[i]! * x[i]!;
    gradient[i]! += lambda * x[i]!;
  }
  return { value: total / N, gradient: gradient.map((v) => v / N) };
}

/** In f64, on the host. */
export function crossEntropy(features: Rows, labels: ArrayLike<number>, C: number): Regularised {
  const { data, width: E } = features;
  const N = labels.length;
  return (lambda) => (x) => {
    const model = { weight: x.subarray(0, E * C), bias: x.subarray(E * C) };
    const logits = logitsOf(model, features);
    const gradient = new Float64Array(x.length);
    let value = 0;
    for (let n = 0; n < N; n++) {
      const row = logits.subarray(n * C, (n + 1) * C);
      const highest = row.reduce((most, v) => Math.max(most, v), Number.NEGATIVE_INFINITY);
      const sum = row.reduce((total, v) => total + Math.exp(v - highest), 0);
      value += Math.log(sum) + highest - row[labels[n]!]!;
      for (let c = 0; c < C; c++) {
        row[c] = Math.exp(row[c]! - highest) / sum - (c === labels[n] ? 1 : 0);
        gradient[E * C + c]! += row[c]!;
      }
      for (let e = 0; e < E; e++) {
        const feature = data[n * E + e]!;
        for (let c = 0; c < C; c++) gradient[e * C + c]! += feature * row[c]!;
      }
    }
    return regularised(x, { value, gradient }, { weights: E * C, N, lambda });
  };
}

/** The labelled class's probability by row, and the gradient of the sum of cross-entropies. */
function slopeOf(
  { features, onehot }: Record<"features" | "onehot", Tensor>,
  E: number,
  C: number,
) {
  const [weight, bias] = [input("weight", [E, C]), input("bias", [C])];
  const logits = linear(features, weight, bias);
  const shares = softmax(logits);
  const slope = add(shares, scale(onehot, -1)); // ∂(Σ cross-entropy)/∂logits
  const [dweight, dbias] = vjp([[logits, slope]], [weight, bias]);
  const labelled = sumLast(multiply(shares, onehot));
  return { labelled, dweight: dweight!, dbias: dbias! };
}

/** The same in f32, on the device, where the features stay until `release`. */
export async function heldCrossEntropy(
  device: Device,
  features: Rows,
  labels: ArrayLike<number>,
  C: number,
): Promise<{ readonly objective: Regularised; release(): void }> {
  const { width: E } = features;
  const N = labels.length;
  const ones = new Float32Array(N * C);
  for (let n = 0; n < N; n++) ones[n * C + labels[n]!] = 1;
  const held = hold(device, {
    features: { shape: [N, E], data: features.data },
    onehot: { shape: [N, C], data: ones },
  });
  const plan = await compile(device, { outputs: slopeOf(held, E, C) });
  const objective: Regularised = (lambda) => async (x) => {
    plan.run({
      weight: Float32Array.from(x.subarray(0, E * C)),
      bias: Float32Array.from(x.subarray(E * C)),
    });
    const found = await plan.read();
    const gradient = Float64Array.of(...found.dweight!, ...found.dbias!);
    let value = 0;
    for (const share of found.labelled!) value -= Math.log(share);
    return regularised(x, { value, gradient }, { weights: E * C, N, lambda });
  };
  return {
    objective,
    release() {
      plan.destroy();
      release(device, held);
    },
  };
}
