/** Multinomial logistic regression to convergence, its regularisation swept on validation. */
import type { Device } from "../../engine/index.ts";
import { fold, type Key, stream } from "../../engine/random.ts";
import { type Rows, requireClasses, rowCount } from "../measures.ts";
import { crossEntropy, heldCrossEntropy, type Regularised } from "./crossEntropy.ts";
import { inverseCurvature } from "./curvature.ts";
import { lbfgs } from "./lbfgs.ts";
import { type LinearModel, probeAccuracy } from "./linearModel.ts";

const TOLERANCE = 1e-6; // of the gradient of the mean loss; Radford et al. do not say
const ITERATIONS = 1000; // Radford et al. 2021, arXiv:2103.00020, appendix A.3
const SWEEP_ITERATIONS = 100; // enough to rank: weak λ on separable data would take all 1000
const VALIDATION = 0.2; // share of the training split held out for the sweep
/** Decades of λ that the sweep begins with, and the steps per decade it ends with; ibid. */
const DECADES = [-6, -4, -2, 0, 2, 4, 6];
const FINEST = 1 / 8;

/** Features, labels and the number of classes. */
type Labelled = readonly [features: Rows, labels: ArrayLike<number>, C: number];

const zeros = ([{ width }, , C]: Labelled) => new Float64Array((width + 1) * C);

/** A fit of f32, which is quick, and whose place a fit of f64 begins at. */
async function heldFit<T>(device: Device, data: Labelled, use: (f: Regularised) => Promise<T>) {
  const held = await heldCrossEntropy(device, ...data);
  try {
    return await use(held.objective);
  } finally {
    held.release();
  }
}

/**
 * The classifier that minimises Σ cross-entropy + λ/2 ‖W‖², the bias free: scikit-learn's
 * `LogisticRegression(C=1/λ)`. On the device as far as f32 goes, then in f64.
 *
 * @param features  f32[N, E]
 * @param labels    N classes in [0, C)
 * @returns         the model, and whether the gradient vanished
 */
export async function logisticRegression(
  device: Device,
  features: Rows,
  labels: ArrayLike<number>,
  C: number,
  lambda: number,
): Promise<{ model: LinearModel; converged: boolean }> {
  requireClasses("logisticRegression", labels, rowCount("logisticRegression", features), C);
  const data = [features, labels, C] as const;
  const how = { tolerance: TOLERANCE, inverse: inverseCurvature(features, C)(lambda) };
  const near = await heldFit(device, data, (objective) =>
    lbfgs(objective(lambda), zeros(data), { ...how, most: ITERATIONS }),
  );
  const exact = crossEntropy(...data)(lambda);
  const most = ITERATIONS - near.iterations;
  const { x, converged } = await lbfgs(exact, near.x, { ...how, most });
  const { width: E } = features;
  return { model: { weight: x.slice(0, E * C), bias: x.slice(E * C) }, converged };
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
export async function sweptRegression(
  device: Device,
  features: Rows,
  labels: ArrayLike<number>,
  C: number,
  key: Key,
): Promise<{ model: LinearModel; lambda: number; converged: boolean }> {
  const { width } = features;
  const N = rowCount("sweptRegression", features);
  requireClasses("sweptRegression", labels, N, C);
  const order = stream(fold(key, N)).permutation(N);
  const held = Math.max(1, Math.round(VALIDATION * N));
  const validation = rowsOf(features, labels, order.slice(0, held));
  const train = rowsOf(features, labels, order.slice(held));
  const data = [train.features, train.labels, C] as const;
  const curvature = inverseCurvature(train.features, C);
  const how = { tolerance: TOLERANCE, most: SWEEP_ITERATIONS };
  const found = await heldFit(device, data, (objective) =>
    sweep(zeros(data), async (lambda, start) => {
      const inverse = curvature(lambda);
      const { x } = await lbfgs(objective(lambda), start, { ...how, inverse });
      const model = { weight: x.subarray(0, width * C), bias: x.subarray(width * C) };
      const { top1 } = probeAccuracy(model, validation.features, validation.labels);
      return { x, score: top1.value };
    }),
  );
  return {
    lambda: found,
    ...(await logisticRegression(device, features, labels, C, found)),
  };
}

/** The λ of the best score; a fit begins where the one before ended. */
async function sweep(
  first: Float64Array,
  trained: (lambda: number, start: Float64Array) => Promise<{ x: Float64Array; score: number }>,
): Promise<number> {
  const scores = new Map<number, number>();
  let start = first;
  const score = async (exponent: number) => {
    if (scores.has(exponent)) return;
    const fitted = await trained(10 ** exponent, start);
    start = fitted.x;
    scores.set(exponent, fitted.score);
  };
  // From strong to weak: a strongly regularised fit is quick and a good start for the next.
  for (const exponent of [...DECADES].reverse()) await score(exponent);
  const best = () => [...scores].sort(([a, x], [b, y]) => y - x || b - a)[0]![0];
  for (let distance = 1; distance >= FINEST; distance /= 2) {
    const centre = best();
    await score(centre + distance);
    await score(centre - distance);
  }
  return 10 ** best();
}
