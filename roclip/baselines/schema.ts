/** The keys of a configuration that belong to the defences RoCLIP is compared with. */
import { z } from "zod";

const weight = () => z.number().min(0);
const share = () => z.number().min(0).max(1);
const epochs = () => z.int().min(0);

/**
 * CleanCLIP. "Paper": Bansal et al. 2023, arXiv:2303.03323; "authors":
 * github.com/nishadsinghi/CleanCLIP at d6e2f1d.
 */
export const CLEANCLIP = z.strictObject({
  pairs: z
    .number()
    .positive()
    .default(0.25)
    .describe(
      "Clean pairs to fine-tune on, rows if ≥ 1, else a share of the data; drawn from those that " +
        "the ground truth does not list as attacked (paper: 100,000)",
    ),
  clipWeight: weight().default(1).describe("Weight of CLIP's loss, of the pairs (authors: 1)"),
  unimodalWeight: weight()
    .default(1)
    .describe("Weight of the unimodal losses: of images, of captions, with edits (authors: 1)"),
});

/**
 * SafeCLIP. "Paper": Yang et al. 2024, arXiv:2310.05862; "authors":
 * github.com/BigML-CS-UCLA/SafeCLIP at 91488ce.
 */
export const SAFECLIP = z.strictObject({
  unimodalEpochs: epochs()
    .default(5)
    .describe("First epochs, in which each modality is trained alone (authors: 5 of 32)"),
  slowEpochs: epochs()
    .default(1)
    .describe("Epochs of CLIP at a low learning rate after them, before the split (authors: 1)"),
  slowLr: share()
    .default(0.01)
    .describe("Learning rate of the slow epochs as a share of lr (authors: 5e-6 of 5e-4)"),
  threshold: share()
    .default(0.9)
    .describe("Probability from which on a pair is safe at the first split (authors)"),
  growth: share()
    .default(0.01)
    .describe("Share of all pairs by which the safe set grows each epoch (authors)"),
  most: share().default(0.85).describe("Share of all pairs that it grows to at most (authors)"),
  poolSize: z
    .number()
    .positive()
    .default(256)
    .describe("Images, and captions, to find neighbours in: rows if ≥ 1, else a share (authors)"),
});
