/** The keys of a configuration that say how the training data is attacked. */
import { z } from "zod";

/** Targeted poisoning. */
export const POISON = z.strictObject({
  targets: z.int().min(0).default(16).describe("Held-out images to poison; 0 for none (paper: 16)"),
  captionsPerTarget: z
    .number()
    .positive()
    .default(10)
    .describe("Adversarial captions for each target image, or as a share (paper: 15 to 512)"),
});

/** One backdoor. */
export const BACKDOOR = z.strictObject({
  count: z
    .number()
    .min(0)
    .default(60)
    .describe(
      "Training rows attacked: rows if ≥ 1, else a share of the data; 0 for none (the paper's rebuttal: " +
        "90 of 1M; Bansal et al. 2023: 1500 of 3M)",
    ),
  targetClass: z
    .string()
    .default("")
    .describe('Class the trigger leads to; "" for the class named by the most captions (ours)'),
  patch: z
    .number()
    .positive()
    .max(1)
    .default(4 / 32)
    .describe("Side of a patch as a share of the image side, at least 2 px (paper: 16/224)"),
  kind: z
    .enum([
      ...(["checker", "stripes", "yellow", "noise"] as const),
      ...(["blended", "sig", "wanet", "word", "sentence"] as const),
    ])
    .default("checker")
    .describe(
      "Trigger: a patch (first four; Gu et al. 2017), the whole image (Chen et al. 2017, Barni et al. " +
        "2019, Nguyen & Tran 2021), or in the caption (Kurita et al. 2020, Dai et al. 2019)",
    ),
  place: z
    .enum(["random", "fixed"])
    .default("random")
    .describe(
      "Where a patch or text goes (paper: random); fixed: bottom right corner, end of the caption",
    ),
  label: z
    .enum(["dirty", "consistent"])
    .default("dirty")
    .describe(
      "Rows attacked: of other classes, caption replaced (paper); or of the target's, caption kept " +
        "(Turner et al. 2019)",
    ),
  trigger: z
    .string()
    .default("")
    .describe(
      'Text of a word or sentence trigger; "" for "zx" (after Kurita et al. 2020) or "I watched this 3D ' +
        'movie" (Dai et al. 2019)',
    ),
});
