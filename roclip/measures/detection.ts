/** How well a score tells poisoned pairs from clean ones. */

interface Detection {
  /** Area under the ROC curve: the chance that a poisoned pair scores above a clean one. */
  readonly auroc: number;
  /** Average precision, poisoned pairs being the positive ones. */
  readonly averagePrecision: number;
  readonly positives: number;
  readonly count: number;
  /** Precision and recall at every threshold, from the highest score down. */
  readonly curve: readonly CurvePoint[];
}

/** What is found by taking every case of a score, or above it, for positive. */
interface CurvePoint {
  readonly score: number;
  /** Share of the positives that is found; NaN where there is none. */
  readonly recall: number;
  /** Share of what is found that is positive. */
  readonly precision: number;
}

/** The precision of the highest threshold that has a recall; NaN where none has. */
export function precisionAt(curve: readonly CurvePoint[], recall: number): number {
  return curve.find((point) => point.recall >= recall)?.precision ?? Number.NaN;
}

/** Scores from high to low with equal ones together: how many of each kind. */
function stepsOf(scores: ArrayLike<number>, positive: ArrayLike<boolean>) {
  const order = Uint32Array.from({ length: scores.length }, (_, n) => n);
  order.sort((a, b) => scores[b]! - scores[a]!);
  const steps: { score: number; positives: number; negatives: number }[] = [];
  for (const n of order) {
    if (steps.at(-1)?.score !== scores[n])
      steps.push({ score: scores[n]!, positives: 0, negatives: 0 });
    steps.at(-1)![positive[n] ? "positives" : "negatives"] += 1;
  }
  return steps;
}

/**
 * AUROC, average precision and the precision-recall curve of a score.
 *
 *   AUROC = P(s⁺ > s⁻) + ½ P(s⁺ = s⁻)
 *   AP    = Σ (Rₖ − Rₖ₋₁) Pₖ over thresholds k from the highest score down, without interpolation
 *
 * @param scores    N numbers; high for what is to be detected
 * @param positive  N flags
 * @returns         NaN where there is no positive, or for AUROC no negative
 * @throws          Error unless there is a finite score for each flag
 * @see             Fawcett 2006, Pattern Recognition Letters 27(8), §7; scikit-learn's
 *                  `roc_auc_score`, `average_precision_score` and `precision_recall_curve`
 */
export function detection(scores: ArrayLike<number>, positive: ArrayLike<boolean>): Detection {
  const count = scores.length;
  if (positive.length !== count || !Array.from(scores).every(Number.isFinite))
    throw new Error(
      `detection: every case must have a finite score and a flag; found ${count} scores and ` +
        `${positive.length} flags; check the embeddings`,
    );
  const positives = Array.from(positive).filter(Boolean).length;
  const negatives = count - positives;
  let [found, mistaken, wins, area] = [0, 0, 0, 0];
  const curve: CurvePoint[] = [];
  for (const step of stepsOf(scores, positive)) {
    // A positive of this step beats the negatives below it, and half of those at its score.
    wins += step.positives * (negatives - mistaken - step.negatives / 2);
    found += step.positives;
    mistaken += step.negatives;
    const precision = found / (found + mistaken);
    area += (step.positives / positives) * precision;
    curve.push({ score: step.score, recall: found / positives, precision });
  }
  const averagePrecision = positives === 0 ? Number.NaN : area;
  return { auroc: wins / (positives * negatives), averagePrecision, positives, count, curve };
}
