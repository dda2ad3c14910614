/** Multinomial logistic regression to convergence, its regularisation swept on validation. */
import { fold, type Key, stream } from "../../engine/random.ts";
import { type Rows, requireClasses, rowCount } from "../measures.ts";
import { lbfgs } from "./lbfgs.ts";
import { type LinearModel, logitsOf, probeAccuracy } from "./linearModel.ts";

const TOLERANCE = 1e-6; // of the gradient of the mean loss; Radford et al. do not say
const ITERATIONS = 1000; // Radford et al. 2021, arXiv:2103.00020, appendix A.3
const SWEEP_ITERATIONS = 100; // enough to rank: weak λ on separable data would take all 1000
const VALIDATION = 0.2; // share of the training split held out for the sweep
/** Decades of λ that the sweep begins with, and the steps per decade it ends with; ibid. */
const DECADES = [-6, -4, -2, 0, 2, 4, 6];
const FINEST = 1 / 8;

/** What `fit` takes besides the data. */
interface FitOptions {
  readonly lambda: number;
  /** f64[(E + 1) C]: where to begin. */
  readonly start?: Float64Array;
  /** Iterations at most. */
  readonly most?: number;
}

/** Σ cross-entropy + λ/2 ‖W‖² over N, and its gradient; x is W then b. */
function objective(features: Rows, labels: ArrayLike<number>, C: number, lambda: number) {
  const { data, width: E } = features;
  const N = labels.length;
  return (x: Float64Array) => {
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
    for (let i = 0; i < E * C; i++) {
      value += (lambda / 2) * x[i]! * x[i]!;
      gradient[i]! += lambda * x[i]!;
    }
    return { value: value / N, gradient: gradient.map((v) => v / N) };
  };
}

/**
 * The classifier that minimises Σ cross-entropy + λ/2 ‖W‖², the bias free: scikit-learn's
 * `LogisticRegression(C=1/λ)`.
 *
 * @param features  f32[N, E]
 * @param labels    N classes in [0, C)
 * @returns         the model, its numbers for a warm start, whether the gradient vanished
 */
export function logisticRegression(
  features: Rows,
  labels: ArrayLike<number>,
  C: number,
  { lambda, start, most = ITERATIONS }: FitOptions,
): { model: LinearModel; x: Float64Array; converged: boolean } {
  requireClasses("logisticRegression", labels, rowCount("logisticRegression", features), C);
  const { width: E } = features;
  const from = start ?? new Float64Array((E + 1) * C);
  const f = objective(features, labels, C, lambda);
  const { x, converged } = lbfgs(f, from, TOLERANCE, most);
  return { model: { weight: x.slice(0, E * C), bias: x.slice(E * C) }, x, converged };
}

/** Some rows of features and labels. */
function rowsOf(features: Rows, labels: ArrayLike<number>, rows: Uint32Array) {
  const { data, width } = features;
  const kept = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries())
    kept.set(data.subarray(row * width, (row + 1) * width), i * width);
  return { features: { data: kept, width }, labels: Array.from(rows, (row) => labels[row]!) };
}

/**
 * The λ whose classifier is most accurate on a fifth of the training split, held out at random: of
 * 10⁻⁶, 10⁻⁴ … 10⁶, then between the best one's neighbours at half the distance, until there are 8
 * steps a decade; the larger λ of equals. The last classifier is trained on the whole split.
 *
 * @param features  f32[N, E] of the training split
 * @param labels    N classes in [0, C)
 * @param key       key of the validation rows
 * @returns         the classifier, its λ, and whether its gradient vanished
 * @see             Radford et al. 2021, arXiv:2103.00020, appendix A.3
 */
export function sweptRegression(
  features: Rows,
  labels: ArrayLike<number>,
  C: number,
  key: Key,
): { model: LinearModel; lambda: number; converged: boolean } {
  const N = rowCount("sweptRegression", features);
  const order = stream(fold(key, N)).permutation(N);
  const held = Math.max(1, Math.round(VALIDATION * N));
  const validation = rowsOf(features, labels, order.slice(0, held));
  const train = rowsOf(features, labels, order.slice(held));
  const scores = new Map<number, number>();
  let start: Float64Array | undefined;
  const score = (exponent: number) => {
    if (scores.has(exponent)) return;
    const options = { lambda: 10 ** exponent, most: SWEEP_ITERATIONS, ...(start && { start }) };
    const fitted = logisticRegression(train.features, train.labels, C, options);
    start = fitted.x;
    const { top1 } = probeAccuracy(fitted.model, validation.features, validation.labels);
    scores.set(exponent, top1.value);
  };
  // From strong to weak: a strongly regularised fit is quick and a good start for the next.
  for (const exponent of [...DECADES].reverse()) score(exponent);
  const best = () => [...scores].sort(([a, x], [b, y]) => y - x || b - a)[0]![0];
  for (let distance = 1; distance >= FINEST; distance /= 2) {
    const centre = best();
    score(centre + distance);
    score(centre - distance);
  }
  const lambda = 10 ** best();
  return { lambda, ...logisticRegression(features, labels, C, { lambda }) };
}
