/** The configuration of augmentation; part of `schema.ts`. */
import { z } from "zod";

const share = () => z.number().min(0).max(1);
const strength = () => z.number().min(0);

const JITTER = z.strictObject({
  brightness: strength().default(0.5).describe("Factor is drawn from [max(0, 1−b), 1+b] (authors)"),
  contrast: strength().default(0.5).describe("Factor is drawn from [max(0, 1−c), 1+c] (authors)"),
  saturation: strength().default(0.5).describe("Factor is drawn from [max(0, 1−s), 1+s] (authors)"),
  hue: z.number().min(0).max(0.5).default(0.1).describe("Shift in turns, from [−h, h] (authors)"),
  probability: share().default(0.8).describe("Probability that an image is jittered (authors)"),
});

/** How images are augmented. */
export const AUGMENT = z.strictObject({
  enabled: z.boolean().default(true).describe("Augment the images in every epoch (paper)"),
  cropScale: z
    .tuple([z.number().positive().max(1), z.number().positive().max(1)])
    .default([0.08, 1])
    .describe("Area of the random crop, as a share of the image: least and most (authors)"),
  cropRatio: z
    .tuple([z.number().positive(), z.number().positive()])
    .default([3 / 4, 4 / 3])
    .describe("Width over height of the random crop: least and most (authors)"),
  flip: share().default(0.5).describe("Probability of a horizontal flip (authors)"),
  jitter: JITTER.prefault({}),
  grayscale: share().default(0.2).describe("Probability of turning grey (authors)"),
  blurSigma: z
    .tuple([z.number().positive(), z.number().positive()])
    .default([0.1, 2])
    .describe(
      "Standard deviation of the blur, in pixels of a 224 px image: least and most (authors)",
    ),
  blurKernel: share()
    .default(21 / 224)
    .describe("Width of the blur kernel as a share of the image side (authors: 21 of 224 px)"),
});

/** How captions are. */
export const EDA = z.strictObject({
  enabled: z.boolean().default(true).describe("Augment the captions in every epoch (paper)"),
  redraw: z
    .boolean()
    .default(true)
    .describe("Draw the edits of a caption anew in every epoch, or once for all (authors: false)"),
  alpha: share().default(0.1).describe("Share of words each technique changes (Wei & Zou 2019)"),
  deletion: share().default(0.1).describe("Probability that a word is deleted (Wei & Zou 2019)"),
});
