/** The keys of a configuration that belong to the defences RoCLIP is compared with. */
import { z } from "zod";

const weight = () => z.number().min(0);

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
