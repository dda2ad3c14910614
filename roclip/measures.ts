/**
 * What is measured: pure functions of embeddings. Class 0 … C−1 are indices into the class vectors.
 *
 * @see Yang, Gao & Mirzasoleiman 2023, arXiv:2303.06854 (PSR, ASR); Radford et al. 2021,
 *      arXiv:2103.00020, §3.1 (zero-shot)
 */

/** Vectors of one width, row after row. */
export interface Rows {
  readonly data: Float32Array; // f32[N, width]
  readonly width: number;
}

/**
 * A share of `count` cases with its Wilson 95% interval. `value` is NaN when there are no cases.
 */
export interface Rate {
  readonly value: number;
  readonly successes: number;
  readonly count: number;
  readonly low: number;
  readonly high: number;
}

const Z_95 = 1.959963984540054; // 97.5% point of the standard normal distribution

/**
 * The Wilson score interval of a share, at 95%.
 *
 *   (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n),   p = successes / n
 *
 * @param successes  0 … count
 * @param count      n; 0 gives NaN in [0, 1]
 * @see              Wilson 1927, J. Am. Stat. Assoc. 22(158), 209–212
 */
export function wilson(successes: number, count: number): Rate {
  if (count === 0) return { value: Number.NaN, successes, count, low: 0, high: 1 };
  const value = successes / count;
  const z2 = (Z_95 * Z_95) / count;
  const centre = value + z2 / 2;
  const half = Math.sqrt(z2 * (value * (1 - value) + z2 / 4));
  // At 0 and 1 the exact ends are 0 and 1; rounding must not move them.
  const low = successes === 0 ? 0 : (centre - half) / (1 + z2);
  const high = successes === count ? 1 : (centre + half) / (1 + z2);
  return { value, successes, count, low, high };
}

/** How many rows there are. @throws Error unless the data is whole rows */
export function rowCount(where: string, { data, width }: Rows): number {
  const count = data.length / width;
  if (!Number.isInteger(count)) {
    throw new Error(
      `${where}: rows must be whole; found ${data.length} numbers in rows of ${width}; ` +
        "check the width",
    );
  }
  return count;
}

/** Row `index` at unit length in float64; a row of zeros stays zeros. */
function unitRow({ data, width }: Rows, index: number): Float64Array {
  const row = Float64Array.from(data.subarray(index * width, (index + 1) * width));
  const length = Math.hypot(...row);
  return length === 0 ? row : row.map((value) => value / length);
}

/**
 * Class vectors: for each class the unit mean of the unit text vectors of its templates.
 *
 * @param text      f32[Σ captions, E], the captions of a class next to each other
 * @param captions  of each of C classes, how many there are
 * @returns         f32[C, E], unit rows
 * @see             Radford et al. 2021, arXiv:2103.00020, §3.1.4 (ensembling over embeddings)
 */
export function classVectors(text: Rows, captions: readonly number[]): Rows {
  const { width } = text;
  const total = captions.reduce((sum, count) => sum + count, 0);
  const rows = rowCount("classVectors", text);
  if (rows !== total)
    throw new Error(
      `classVectors: text must have a row for each of ${total} captions; found ${rows}`,
    );
  const data = new Float32Array(captions.length * width);
  let first = 0;
  for (const [c, count] of captions.entries()) {
    const sum = new Float64Array(width);
    for (let row = first; row < first + count; row++)
      for (const [e, value] of unitRow(text, row).entries()) sum[e]! += value;
    const length = Math.hypot(...sum);
    for (let e = 0; e < width; e++) data[c * width + e] = length === 0 ? 0 : sum[e]! / length;
    first += count;
  }
  return { data, width };
}

/**
 * Classes of each image from nearest to farthest by ⟨image, class vector⟩; of equals the lower
 * first.
 *
 * @param images   f32[N, E]; its scale does not matter
 * @param classes  f32[C, E], from classVectors
 * @returns        N lists of C classes
 */
export function rankClasses(images: Rows, classes: Rows): Uint32Array[] {
  const { width } = images;
  const count = rowCount("rankClasses", images);
  const classCount = rowCount("rankClasses", classes);
  if (width !== classes.width) {
    throw new Error(
      `rankClasses: images and classes must have one width; found ${width} and ${classes.width}; ` +
        "use one model for both",
    );
  }
  return Array.from({ length: count }, (_, n) => {
    const scores = Array.from({ length: classCount }, (_, c) => {
      let score = 0;
      for (let e = 0; e < width; e++) {
        score += images.data[n * width + e]! * classes.data[c * width + e]!;
      }
      return score;
    });
    return Uint32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  });
}

/** Share of images that have their wanted class among the first `k` of their ranking. */
function rateWithin(ranked: readonly Uint32Array[], wanted: ArrayLike<number>, k: number): Rate {
  const hits = ranked.filter((classes, n) => classes.subarray(0, k).includes(wanted[n]!)).length;
  return wilson(hits, ranked.length);
}

/** @throws Error unless there is one class in [0, classes) for each of `count` images */
export function requireClasses(
  where: string,
  wanted: ArrayLike<number>,
  count: number,
  classes: number,
): void {
  const bad = Array.from(wanted).find((c) => !(Number.isInteger(c) && c >= 0 && c < classes));
  if (wanted.length !== count || bad !== undefined) {
    throw new Error(
      `${where}: every image must have a class in [0, ${classes}); found ${wanted.length} ` +
        `classes for ${count} images${bad === undefined ? "" : `, one of them ${bad}`}; ` +
        "check the labels",
    );
  }
}

/**
 * Which classes are taken for which.
 *
 * @param predictions  N classes in [0, C)
 * @param labels       N classes in [0, C)
 * @param C            classes
 * @returns            confusion u32[C, C]: cases of class row predicted as class column; classMean:
 *                     the mean, over the classes that occur, of the share predicted right
 */
export function confusionOf(
  predictions: ArrayLike<number>,
  labels: ArrayLike<number>,
  C: number,
): { confusion: Uint32Array; classMean: number } {
  const confusion = new Uint32Array(C * C);
  for (let n = 0; n < labels.length; n++) confusion[labels[n]! * C + predictions[n]!]! += 1;
  const recalls: number[] = [];
  for (let c = 0; c < C; c++) {
    const total = confusion.subarray(c * C, (c + 1) * C).reduce((sum, value) => sum + value, 0);
    if (total > 0) recalls.push(confusion[c * C + c]! / total);
  }
  const classMean = recalls.reduce((sum, value) => sum + value, 0) / recalls.length;
  return { confusion, classMean };
}

/** Zero-shot classification of labelled images. */
export interface ZeroShot {
  /** Share of images whose nearest class is their label. */
  readonly top1: Rate;
  /** Share of images whose label is among the 3 nearest classes. */
  readonly top3: Rate;
  /** Share of images whose label is among the 5 nearest classes. */
  readonly top5: Rate;
  /** Share of images whose label is among the 10 nearest classes. */
  readonly top10: Rate;
  /** Mean over the classes that occur of the share of their images classified right. */
  readonly classMean: number;
  /** u32[C, C]: images of class row that were classified as class column. */
  readonly confusion: Uint32Array;
  /** u32[N]: nearest class of each image. */
  readonly predictions: Uint32Array;
}

/**
 * Zero-shot accuracy: each image gets the class whose vector is nearest.
 *
 * @param images   f32[N, E], un-augmented
 * @param classes  f32[C, E], from classVectors
 * @param labels   N classes
 */
export function zeroShot(images: Rows, classes: Rows, labels: ArrayLike<number>): ZeroShot {
  const ranked = rankClasses(images, classes);
  const C = rowCount("zeroShot", classes);
  requireClasses("zeroShot", labels, ranked.length, C);
  const predictions = Uint32Array.from(ranked, (order) => order[0]!);
  return {
    top1: rateWithin(ranked, labels, 1),
    top3: rateWithin(ranked, labels, 3),
    top5: rateWithin(ranked, labels, 5),
    top10: rateWithin(ranked, labels, 10),
    ...confusionOf(predictions, labels, C),
    predictions,
  };
}

/** What came of targeted poisoning. */
export interface PoisonSuccess {
  /** PSR: share of target images whose nearest class is their adversarial class. */
  readonly top1: Rate;
  /** Share whose adversarial class is among the 3 nearest. */
  readonly top3: Rate;
  /** Share whose adversarial class is among the 5 nearest. */
  readonly top5: Rate;
  /** Share whose nearest class is their true class. */
  readonly trueClass: Rate;
  /** u32[N]: nearest class of each target image. */
  readonly predictions: Uint32Array;
}

/**
 * Poison success rate over the target images, un-augmented.
 *
 * @param targets      f32[N, E]
 * @param classes      f32[C, E], from classVectors
 * @param adversarial  N classes the poisoning leads to
 * @param trueClasses  N classes the images are of
 * @see                Yang, Gao & Mirzasoleiman 2023, arXiv:2303.06854
 */
export function poisonSuccess(
  targets: Rows,
  classes: Rows,
  adversarial: ArrayLike<number>,
  trueClasses: ArrayLike<number>,
): PoisonSuccess {
  const ranked = rankClasses(targets, classes);
  const C = rowCount("poisonSuccess", classes);
  requireClasses("poisonSuccess", adversarial, ranked.length, C);
  requireClasses("poisonSuccess", trueClasses, ranked.length, C);
  return {
    top1: rateWithin(ranked, adversarial, 1),
    top3: rateWithin(ranked, adversarial, 3),
    top5: rateWithin(ranked, adversarial, 5),
    trueClass: rateWithin(ranked, trueClasses, 1),
    predictions: Uint32Array.from(ranked, (order) => order[0]!),
  };
}

/** What came of a backdoor. */
export interface BackdoorSuccess {
  /** ASR: share of triggered images not of the target class that are classified as it. */
  readonly top1: Rate;
  /** Share of the same images that are classified as their true class. */
  readonly trueClass: Rate;
  /** u32[N]: nearest class of every image given, those of the target class too. */
  readonly predictions: Uint32Array;
}

/**
 * Attack success rate over held-out images with the trigger on. Images whose true class is the
 * target are left out of both rates: classifying them as the target would be right.
 *
 * @param triggered    f32[N, E]
 * @param classes      f32[C, E], from classVectors
 * @param targetClass  class the trigger leads to
 * @param trueClasses  N classes the images are of
 */
export function backdoorSuccess(
  triggered: Rows,
  classes: Rows,
  targetClass: number,
  trueClasses: ArrayLike<number>,
): BackdoorSuccess {
  const ranked = rankClasses(triggered, classes);
  const C = rowCount("backdoorSuccess", classes);
  requireClasses("backdoorSuccess", trueClasses, ranked.length, C);
  requireClasses("backdoorSuccess", [targetClass], 1, C);
  const counted = ranked.flatMap((order, n) =>
    trueClasses[n] === targetClass ? [] : [{ order, trueClass: trueClasses[n]! }],
  );
  const orders = counted.map(({ order }) => order);
  return {
    top1: rateWithin(orders, new Array<number>(counted.length).fill(targetClass), 1),
    trueClass: rateWithin(
      orders,
      counted.map(({ trueClass }) => trueClass),
      1,
    ),
    predictions: Uint32Array.from(ranked, (order) => order[0]!),
  };
}
