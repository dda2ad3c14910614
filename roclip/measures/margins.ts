import { type Rows, requireClasses, rowCount } from "../measures.ts";
import { dot } from "./similarity.ts";

/**
 * How much nearer each attacked image is to the class the attack wants than to its own:
 * ⟨image, adversarial class⟩ − ⟨image, true class⟩. Above 0 the attack has the upper hand.
 *
 * @param images       f32[N, E], unit rows
 * @param classes      f32[C, E], from classVectors
 * @param adversarial  N classes the attack leads to
 * @param trueClasses  N classes the images are of
 * @returns            f64[N], in [−2, 2]
 */
export function margins(
  images: Rows,
  classes: Rows,
  adversarial: ArrayLike<number>,
  trueClasses: ArrayLike<number>,
): Float64Array {
  const count = rowCount("margins", images);
  const C = rowCount("margins", classes);
  requireClasses("margins", adversarial, count, C);
  requireClasses("margins", trueClasses, count, C);
  return Float64Array.from({ length: count }, (_, n) => {
    return dot(images, n, classes, adversarial[n]!) - dot(images, n, classes, trueClasses[n]!);
  });
}
