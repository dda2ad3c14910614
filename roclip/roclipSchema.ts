/** The keys of a configuration that are RoCLIP's own. */
import { z } from "zod";

const count = () => z.int().min(1);
const share = () => z.number().min(0).max(1);

/** When and how images are matched with the pool ("authors" as in schema.ts). */
export const ROCLIP = z.strictObject({
  frequency: count()
    .default(2)
    .describe("K: every K-th epoch matches images with the pool (paper: 2)"),
  firstEpoch: count()
    .default(3)
    .describe("First epoch that may match, from 1; earlier ones are plain (authors: 1)"),
  epochs: z
    .array(count())
    .default([])
    .describe("The epochs that match, from 1 (ours); none listed: by frequency and firstEpoch"),
  poolSize: z
    .number()
    .positive()
    .default(0.5)
    .describe("Captions in the pool: rows if ≥ 1, else a share of the data (authors: 0.0218)"),
  poolStart: z
    .enum(["captions", "noise"])
    .default("captions")
    .describe(
      "Fill the pool from real captions before the first match, or with noise (authors); SafeCLIP's too",
    ),
  poolUpdate: z
    .enum(["all", "matching"])
    .default("all")
    .describe("Epochs whose captions enter the pool: all, or only matching ones (authors)"),
  poolWrap: z
    .enum(["ring", "drop"])
    .default("ring")
    .describe(
      "What of a batch is beyond the pool's end: goes on at its beginning (ours), or is dropped, and " +
        "the next batch begins there (authors); SafeCLIP's too",
    ),
  reencodeEvery: z
    .int()
    .min(0)
    .default(0)
    .describe(
      "Encode the pool anew, by the current towers, as a matching epoch begins and every n steps " +
        "in it; 0: never (authors)",
    ),
  direction: z
    .enum(["image-to-text", "both"])
    .default("image-to-text")
    .describe(
      "What is matched: each image with a pool of captions (paper), or also each caption with a " +
        "pool of images, which trains the text tower in matching epochs; the mean of both losses",
    ),
  duplicates: z
    .enum(["negatives", "positives", "excluded"])
    .default("positives")
    .describe(
      "Images matched to one caption: each other's negatives (authors), or all positive with equal " +
        "weight (their columns are equal, so both give the same loss and gradients), or left out " +
        "of each other's negatives",
    ),
  judge: share()
    .default(0)
    .describe(
      "Ours, above 0: matching epochs match nothing; they leave out each pair whose " +
        "image has a larger share of a pool's captions more similar to it than its own, or whose " +
        "caption a larger share of images; 0: they match (paper)",
    ),
  judgeMomentum: z
    .number()
    .min(0)
    .lt(1)
    .default(0.9)
    .describe("Ours, with judge: how much of its average over epochs the rank of a pair keeps"),
  judgeCrosswise: z
    .boolean()
    .default(false)
    .describe(
      "Ours, with judge: begin with half the pairs alone, images that look alike together; in the first " +
        "matching epoch train a new model on what that one keeps of the other half, which then " +
        "judges all",
    ),
  textGradient: z
    .enum(["none", "re-encoded"])
    .default("none")
    .describe(
      "In matching epochs the text tower gets no gradient (authors), or that of the matched " +
        "captions, which it encodes anew",
    ),
});

/** The switches that go by the caption that a pool row encodes: noise encodes none. */
export function captionSwitches({
  textGradient,
  reencodeEvery,
  duplicates,
}: z.infer<typeof ROCLIP>): string[] {
  return [
    ...(textGradient === "re-encoded" ? ['textGradient "re-encoded"'] : []),
    ...(reencodeEvery > 0 ? ["reencodeEvery"] : []),
    ...(duplicates === "excluded" ? ['duplicates "excluded"'] : []),
  ];
}

/** Whether epoch 1 matches, by the rule of `isMatchingEpoch`. */
export function matchesAtOnce({ epochs, frequency, firstEpoch }: z.infer<typeof ROCLIP>): boolean {
  return epochs.length > 0 ? epochs.includes(1) : firstEpoch === 1 && frequency === 1;
}
