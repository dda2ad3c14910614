/** What a report plots. */
import type { Chart } from "./charts.ts";

/** A chart and the sentence under its title. */
export interface Panel extends Chart {
  readonly words: string;
}

const WIDE = { width: 440, height: 230 } as const;
const SMALL = { width: 440, height: 170 } as const;

/** How attacks succeed. */
export const ATTACKS: readonly Panel[] = [
  {
    ...WIDE,
    measure: "psr",
    title: "Poison success (PSR)",
    axis: "whole",
    words: "Share of poisoned images classified as the class the attack wants. Lower is better.",
  },
  {
    ...WIDE,
    measure: "asr",
    title: "Backdoor success (ASR)",
    axis: "whole",
    words:
      "Share of what carries the trigger, of other classes, taken for the target. Lower is better.",
  },
];

/** What the model learns. */
export const TRAINING: readonly Panel[] = [
  {
    ...SMALL,
    measure: "zeroShotTop1",
    title: "Zero-shot accuracy",
    axis: "share",
    words: "Held-out images classified right. Higher is better.",
  },
  {
    ...SMALL,
    measure: "classMean",
    title: "Class mean",
    axis: "share",
    words: "The same, averaged over classes. Higher is better.",
  },
  {
    ...SMALL,
    measure: "trueClassTarget",
    title: "True class of poisoned images",
    axis: "share",
    words: "Poisoned images classified as what they show. Higher is better.",
  },
  {
    ...SMALL,
    measure: "loss",
    title: "Training loss",
    axis: "number",
    words: "Mean over the epoch. Matching epochs have other partners, so kinds do not compare.",
  },
  {
    ...SMALL,
    measure: "similarityClean",
    dashed: "similarityAttacked",
    title: "Similarity of pairs: clean —, attacked - -",
    axis: "number",
    words:
      "Of image and caption, of training pairs as they are. The attacked are learnt as well as " +
      "the clean where dashes reach the line.",
  },
];
