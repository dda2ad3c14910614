/** How sharply logistic regression's objective can bend: what L-BFGS takes its steps by. */
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import type { Rows } from "../measures.ts";

/** A symmetric positive definite matrix times the gradient, f64[(E + 1) C]. */
export type Inverse = (gradient: Float64Array) => Float64Array;

const RIDGE = 1e-12; // of the mean diagonal: features that are zero or repeat each other

/** Of rows with a one behind each: Σ row rowᵀ, [E + 1, E + 1]. */
function gram({ data, width: E }: Rows): Matrix {
  const sums = Array.from({ length: E + 1 }, () => new Float64Array(E + 1));
  for (let first = 0; first < data.length; first += E) {
    const row = [...data.subarray(first, first + E), 1];
    for (const [i, into] of sums.entries())
      for (let j = 0; j <= i; j++) into[j]! += row[i]! * row[j]!;
  }
  const square = new Matrix(sums);
  for (let i = 0; i <= E; i++) for (let j = 0; j < i; j++) square.set(j, i, square.get(i, j));
  return square;
}

/**
 * The inverse of a bound on the Hessian of (Σ cross-entropy + λ/2 ‖W‖²) / N, by λ. The bound is
 * ½ Σ row rowᵀ + λ for every class by itself, without the classes' effects on each other.
 *
 * @param features  f32[N, E]
 * @see             Böhning 1992, "Multinomial logistic regression algorithm", theorem 1
 */
export function inverseCurvature(features: Rows, C: number): (lambda: number) => Inverse {
  const { width: E } = features;
  const N = features.data.length / E;
  const bound = gram(features).mul(0.5 / N);
  const ridge = (RIDGE * bound.trace()) / (E + 1);
  return (lambda) => {
    const diagonal = Array.from({ length: E + 1 }, (_, i) => ridge + (i < E ? lambda / N : 0));
    const factors = new CholeskyDecomposition(Matrix.add(bound, Matrix.diag(diagonal)));
    return (gradient) =>
      Float64Array.from(factors.solve(Matrix.from1DArray(E + 1, C, gradient)).to1DArray());
  };
}
