/**
 * CleanCLIP: a poisoned model is fine-tuned on clean pairs, by CLIP's loss and by one of each
 * modality alone, in which an image is told from others by its augmented self, a caption by its
 * edited self.
 *
 *   L = λ₁ · CLIP(I, T) + λ₂ · ½ [CE(s·I·I′ᵀ, diag) + CE(s·T·T′ᵀ, diag)]
 *
 * where I′ and T′ are of the augmented image and the edited caption, and s is CLIP's own scale.
 *
 * Departures from the authors' code (github.com/nishadsinghi/CleanCLIP at d6e2f1d), so that all
 * defences stand on equal footing: the augmentation is that of the configuration (theirs:
 * torchvision's AutoAugment), edits are drawn every epoch unless `eda.redraw` is false, the
 * optimiser's moments begin at zero (theirs: as pre-training left them).
 *
 * @see Bansal et al. 2023, arXiv:2303.03323, §4
 */
import {
  add,
  contrastiveLoss,
  fold,
  keyOf,
  scale,
  stream,
  type Tensor,
} from "../../engine/index.ts";
import { rowsFor } from "../amount.ts";
import { UserError } from "../errors.ts";
import type { Config } from "../schema.ts";
import type { TruthRow } from "../truth.ts";
import { splitViews } from "./views.ts";

const CLEAN_KEY = 0x636c656e; // "clen": which pairs are taken

/**
 * The loss of a batch.
 *
 * @param I           f32[2 B, E], unit rows: images, then the same augmented
 * @param T           f32[2 B, E], unit rows: their captions, then the same edited
 * @param logitScale  f32[]
 * @returns           f32[]
 */
export function cleanLoss(
  { cleanclip }: Pick<Config, "cleanclip">,
  I: Tensor,
  T: Tensor,
  logitScale: Tensor,
): Tensor {
  const [image, augmented] = splitViews(I);
  const [caption, edited] = splitViews(T);
  const pairs = contrastiveLoss(image, caption, logitScale);
  const images = contrastiveLoss(image, augmented, logitScale, { oneSided: true });
  const captions = contrastiveLoss(caption, edited, logitScale, { oneSided: true });
  const unimodal = scale(add(images, captions), cleanclip.unimodalWeight / 2);
  return add(scale(pairs, cleanclip.clipWeight), unimodal);
}

/**
 * The clean pairs to fine-tune on: drawn at random, the same for the same seed.
 *
 * @param pairs  training pairs, the attacked among them
 * @param truth  which of them are attacked
 * @returns      rows of the training data
 * @throws       UserError when fewer are clean
 */
export function cleanRows(
  { cleanclip, seed }: Pick<Config, "cleanclip" | "seed">,
  pairs: number,
  truth: readonly TruthRow[],
): Uint32Array {
  const count = rowsFor(cleanclip.pairs, pairs);
  const attacked = new Set(truth.map(({ row }) => row));
  const order = stream(fold(keyOf(seed), CLEAN_KEY)).permutation(pairs);
  const clean = order.filter((row) => !attacked.has(row));
  if (count <= clean.length) return clean.slice(0, count);
  throw new UserError(
    `cleanclip.pairs: as many training pairs must be clean; ${clean.length} of ${pairs} are, ` +
      `and ${count} are asked for; choose a smaller --cleanclip-pairs`,
  );
}
