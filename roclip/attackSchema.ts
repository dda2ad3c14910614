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
    .describe("Training rows attacked: rows if ≥ 1, else a share of the data; 0 for none"),
  targetClass: z
    .string()
    .default("")
    .describe('Class the trigger leads to; "" for the class named by the most captions'),
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
    .describe("Trigger: a patch (first four), the whole image (next three), or in the caption"),
  place: z
    .enum(["random", "fixed"])
    .default("random")
    .describe("Where a patch or text goes; fixed: bottom right corner, end of the caption"),
  label: z
    .enum(["dirty", "consistent"])
    .default("dirty")
    .describe(
      "Rows attacked: of other classes, caption replaced; or of the target's, caption kept",
    ),
  trigger: z
    .string()
    .default("")
    .describe('Text of a word or sentence trigger; "" for "zx" or "I watched this 3D movie"'),
});
