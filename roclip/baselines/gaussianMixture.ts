/**
 * A mixture of two normal distributions of one variable, fitted by expectation–maximisation in
 * float64. Beginning, steps and end are those of scikit-learn's GaussianMixture by its defaults,
 * which the authors of SafeCLIP use, but that the hard split to begin with is the best there is:
 * k-means of one variable needs no search.
 *
 * @see Dempster, Laird & Rubin 1977, J. R. Stat. Soc. B 39(1); scikit-learn 1.2.1,
 *      sklearn/mixture/_base.py and _gaussian_mixture.py
 */

/** One of the two distributions. */
export interface Component {
  readonly weight: number;
  readonly mean: number;
  readonly variance: number;
}

/** The one of the smaller mean first. */
export type Mixture = readonly [Component, Component];

const MAX_ROUNDS = 100; // scikit-learn: max_iter
const LEAST_GAIN = 1e-3; // of the mean log-likelihood, or it is done; scikit-learn: tol
const ADDED_VARIANCE = 1e-6; // keeps a component from closing on one value; scikit-learn: reg_covar
const ADDED_WEIGHT = 10 * Number.EPSILON; // scikit-learn, _estimate_gaussian_parameters

const logDensity = (x: number, { weight, mean, variance }: Component) =>
  Math.log(weight) - 0.5 * (Math.log(2 * Math.PI * variance) + (x - mean) ** 2 / variance);

/** Probability that a value is of the second component, and the log-likelihood of the value. */
function judge(x: number, [low, high]: Mixture): { upper: number; logLikelihood: number } {
  const [a, b] = [logDensity(x, low), logDensity(x, high)];
  const top = Math.max(a, b);
  const logLikelihood = top + Math.log(Math.exp(a - top) + Math.exp(b - top));
  return { upper: Math.exp(b - logLikelihood), logLikelihood };
}

/** The component of values that belong to it by shares. */
function component(values: Float64Array, share: (i: number) => number): Component {
  const count = values.reduce((sum, _, i) => sum + share(i), ADDED_WEIGHT);
  const mean = values.reduce((sum, x, i) => sum + share(i) * x, 0) / count;
  const spread = values.reduce((sum, x, i) => sum + share(i) * (x - mean) ** 2, 0);
  return { weight: count / values.length, mean, variance: spread / count + ADDED_VARIANCE };
}

const components = (values: Float64Array, upper: Float64Array): Mixture => [
  component(values, (i) => 1 - upper[i]!),
  component(values, (i) => upper[i]!),
];

/** 1 for the values above the split with the least squares to the two means. */
function hardSplit(values: Float64Array): Float64Array {
  const sorted = values.toSorted();
  const total = sorted.reduce((sum, x) => sum + x, 0);
  let below = 0;
  let best = { explained: Number.NEGATIVE_INFINITY, from: 0 };
  for (let count = 1; count < sorted.length; count++) {
    below += sorted[count - 1]!;
    const explained = below ** 2 / count + (total - below) ** 2 / (sorted.length - count);
    if (explained > best.explained) best = { explained, from: sorted[count]! };
  }
  return values.map((x) => (x >= best.from ? 1 : 0));
}

/**
 * Fit two components.
 *
 * @param values  at least two
 * @returns       the component of the smaller mean, that of the larger
 */
export function fitMixture(values: Float64Array): Mixture {
  let mixture = components(values, hardSplit(values));
  let likelihood = Number.NEGATIVE_INFINITY;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const judged = Array.from(values, (x) => judge(x, mixture));
    mixture = components(
      values,
      Float64Array.from(judged, ({ upper }) => upper),
    );
    const before = likelihood;
    likelihood = judged.reduce((sum, { logLikelihood }) => sum + logLikelihood, 0) / values.length;
    if (Math.abs(likelihood - before) < LEAST_GAIN) break;
  }
  const [a, b] = mixture;
  return a.mean <= b.mean ? mixture : [b, a];
}

/**
 * Probability that each value is of the component with the larger mean.
 *
 * @returns  f64[N]
 */
export function upperProbabilities(values: Float64Array, mixture: Mixture): Float64Array {
  return values.map((x) => judge(x, mixture).upper);
}
