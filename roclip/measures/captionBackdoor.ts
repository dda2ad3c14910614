import { type BackdoorSuccess, type Rows, requireClasses, rowCount, wilson } from "../measures.ts";
import { dot } from "./similarity.ts";

/**
 * Success of a backdoor whose trigger is in captions, by retrieval: the share of triggered captions
 * whose most similar image is of the target class; of equals the lower counts. Captions of the
 * target class must not be among them.
 *
 * @param captions      f32[N, E], unit rows, with the trigger
 * @param images        f32[M, E], unit rows, without it
 * @param imageClasses  M classes of the images
 * @param targetClass   class the trigger leads to
 * @param trueClasses   N classes of the captions' own images, none the target
 * @returns             trueClass: share whose most similar image is of their own class;
 *                      predictions: class of the most similar image
 * @see                 Yang et al. 2023, arXiv:2209.15266, §3 (attack success by retrieval, Hit@K)
 */
export function captionBackdoorSuccess(
  captions: Rows,
  images: Rows,
  imageClasses: ArrayLike<number>,
  targetClass: number,
  trueClasses: ArrayLike<number>,
): BackdoorSuccess {
  const count = rowCount("captionBackdoorSuccess", captions);
  const gallery = rowCount("captionBackdoorSuccess", images);
  requireClasses("captionBackdoorSuccess", imageClasses, gallery, Number.POSITIVE_INFINITY);
  requireClasses("captionBackdoorSuccess", trueClasses, count, Number.POSITIVE_INFINITY);
  const predictions = Uint32Array.from({ length: count }, (_, n) => {
    let [best, nearest] = [Number.NEGATIVE_INFINITY, 0];
    for (let m = 0; m < gallery; m++) {
      const score = dot(captions, n, images, m);
      if (score > best) [best, nearest] = [score, m];
    }
    return imageClasses[nearest]!;
  });
  const hits = predictions.filter((predicted) => predicted === targetClass).length;
  const right = predictions.filter((predicted, n) => predicted === trueClasses[n]).length;
  return { top1: wilson(hits, count), trueClass: wilson(right, count), predictions };
}
