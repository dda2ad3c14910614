import {
  confusionOf,
  type Rate,
  type Rows,
  requireClasses,
  rowCount,
  wilson,
} from "../measures.ts";

/** A linear classifier: logits = x W + b. */
export interface LinearModel {
  /** f64[E, C] */
  readonly weight: Float64Array;
  /** f64[C] */
  readonly bias: Float64Array;
}

/** A classifier from numbers of any precision. @throws Error unless they are [E, C] and [C] */
export function linearModel(
  weight: ArrayLike<number>,
  bias: ArrayLike<number>,
  E: number,
  C: number,
): LinearModel {
  if (weight.length !== E * C || bias.length !== C)
    throw new Error(
      `linearModel: weight and bias must be [${E}, ${C}] and [${C}]; found ${weight.length} and ` +
        `${bias.length} numbers; check the layer`,
    );
  return { weight: Float64Array.from(weight), bias: Float64Array.from(bias) };
}

/**
 * Logits of every row.
 *
 * @param features  f32[N, E]
 * @returns         f64[N, C]
 */
export function logitsOf({ weight, bias }: LinearModel, { data, width }: Rows): Float64Array {
  const C = bias.length;
  const N = data.length / width;
  const logits = new Float64Array(N * C);
  for (let n = 0; n < N; n++) {
    const row = logits.subarray(n * C, (n + 1) * C);
    row.set(bias);
    for (let e = 0; e < width; e++) {
      const x = data[n * width + e]!;
      for (let c = 0; c < C; c++) row[c]! += x * weight[e * C + c]!;
    }
  }
  return logits;
}

/**
 * Accuracy of a classifier: top-1, and the mean over classes of their accuracy.
 *
 * @param features  f32[N, E]
 * @param labels    N classes in [0, C)
 */
export function probeAccuracy(
  model: LinearModel,
  features: Rows,
  labels: ArrayLike<number>,
): { top1: Rate; classMean: number } {
  const N = rowCount("probeAccuracy", features);
  const C = model.bias.length;
  requireClasses("probeAccuracy", labels, N, C);
  const logits = logitsOf(model, features);
  const predictions = Uint32Array.from({ length: N }, (_, n) => {
    const row = logits.subarray(n * C, (n + 1) * C);
    return row.reduce((best, value, c) => (value > row[best]! ? c : best), 0);
  });
  const right = predictions.filter((predicted, n) => predicted === labels[n]).length;
  return { top1: wilson(right, N), classMean: confusionOf(predictions, labels, C).classMean };
}
