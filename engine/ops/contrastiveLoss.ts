import {
  contrastiveLossGrad,
  contrastiveLoss as kernel,
} from "../../kernels/contrastive_loss/contrastive_loss.ts";
import { constant, launch, type Tensor, withGrad } from "../graph.ts";
import { match } from "../shape.ts";
import { matmul } from "./matmul.ts";
import { sumRows } from "./rows.ts";

/** Cross-entropy of scaled similarities with their positives, over rows and over columns. */
function symmetricCrossEntropy(similarity: Tensor, logitScale: Tensor, ids: Tensor): Tensor {
  const size = ids.shape[0]!;
  const inputs = { similarity, log_scale: logitScale, ids };
  const { lse, term } = launch(kernel, { size }, inputs, { lse: [2 * size], term: [2 * size] });
  return withGrad(sumRows(term, []), { similarity, logitScale }, (dloss) => {
    const { dsimilarity, dscale } = launch(
      contrastiveLossGrad,
      { size },
      { ...inputs, lse, dloss },
      { dsimilarity: [size, size], dscale: [size] },
    );
    return { similarity: dsimilarity, logitScale: sumRows(dscale, []) };
  });
}

/**
 * CLIP's symmetric contrastive loss: each image with its text among all texts, and each text with
 * its image among all images.
 *
 *   L = ½ [CE(s · images · textsᵀ, diagonal) + CE(s · texts · imagesᵀ, diagonal)]
 *   s = exp(logitScale)
 *
 * @param images      f32[B, E], unit rows
 * @param texts       f32[B, E], unit rows
 * @param logitScale  f32[], the logarithm of the scale
 * @param options     positives u32[B]: rows with one id share their positives, each of them with
 *                    the same weight; all different when left out
 * @returns           f32[], mean over the batch
 * @throws            ShapeError unless images and texts are [B, E]
 * @see               Radford et al. 2021, arXiv:2103.00020, figure 3; Khosla et al. 2020,
 *                    arXiv:2004.11362, eq. 2 (several positives)
 */
export function contrastiveLoss(
  images: Tensor,
  texts: Tensor,
  logitScale: Tensor,
  options: { readonly positives?: Tensor } = {},
): Tensor {
  const { positives } = options;
  const { B } = match("contrastiveLoss", {
    images: [images, "B E"],
    texts: [texts, "B E"],
    logitScale: [logitScale, ""],
    positives: [positives, "B", "u32"],
  });
  const ids = positives ?? constant(Uint32Array.from({ length: B }, (_, i) => i));
  return symmetricCrossEntropy(matmul(images, texts, { transposeB: true }), logitScale, ids);
}
