/**
 * SafeCLIP: pairs are split into safe and risky ones; only the safe are trained on as pairs.
 *
 *   first epochs        unimodal: images by images, captions by captions
 *   then                CLIP, at a learning rate too low to learn poisoned pairs
 *   before every later  cosine similarities of all pairs; two normal distributions are fitted; the
 *   epoch               probability of that of the larger mean says how safe a pair is
 *   every later epoch   unimodal on risky pairs, then CLIP on safe ones
 *
 *   unimodal loss = ½ [CE(s·I′·NN(I)ᵀ, diag) + CE(s·T′·NN(T)ᵀ, diag)]
 *
 * where I, I′ and T, T′ are two augmented views of an image and of a caption, NN the nearest row of
 * a pool of such first views, through which no gradient flows, and s is CLIP's scale.
 *
 * Departures from the authors' code (github.com/BigML-CS-UCLA/SafeCLIP at 91488ce), so that all
 * defences stand on equal footing: CLIP's loss is of one augmented view (theirs crosses two), the
 * learning rate has one schedule over the run but for the slow epochs (theirs: one until the split,
 * and one after it for each loss), similarities are of pairs as they are (theirs: augmented), pools
 * begin with pairs unless `roclip.poolStart` says otherwise. Safe pairs beyond whole batches train
 * with the risky ones (theirs wait).
 *
 * @see Yang et al. 2024, arXiv:2310.05862; neighbours: Dwibedi et al. 2021, arXiv:2104.14548
 */
import { add, contrastiveLoss, scale, type Tensor } from "../../engine/index.ts";
import { matchPool } from "../match.ts";
import type { HeldState, Pool } from "../model.ts";
import { feedPools } from "../pool.ts";
import type { Config } from "../schema.ts";
import { fitMixture, upperProbabilities } from "./gaussianMixture.ts";
import { splitViews } from "./views.ts";

/**
 * The unimodal loss of a batch; the pools take in its first views after the search.
 *
 * @param I    f32[2 B, E], unit rows: images augmented, and once more
 * @param T    f32[2 B, E], unit rows: captions likewise
 * @param ids  u32[B] the pairs
 * @returns    f32[]; the pools' new versions
 * @throws     Error when the state has no pool of images
 */
export function unimodalLoss(
  config: Pick<Config, "roclip">,
  { params, pool, imagePool }: Pick<HeldState, "params" | "pool" | "imagePool">,
  I: Tensor,
  T: Tensor,
  ids: Tensor,
): { loss: Tensor; pools: Pick<HeldState, "pool" | "imagePool"> } {
  if (!imagePool)
    throw new Error(
      "unimodalLoss: the state must have a pool of images; it has none; make it by initState for " +
        'defence "safeclip"',
    );
  const alone = (views: Tensor, of: Pool<Tensor>) => {
    const [first, second] = splitViews(views);
    const { partners } = matchPool(config, first, of);
    return {
      first,
      loss: contrastiveLoss(second, partners, params.logitScale, { oneSided: true }),
    };
  };
  const [images, captions] = [alone(I, imagePool), alone(T, pool)];
  return {
    loss: scale(add(images.loss, captions.loss), 1 / 2),
    pools: feedPools(config, { pool, imagePool }, { I: images.first, T: captions.first }, ids),
  };
}

/**
 * The safe pairs: at first those that are safe with enough probability, later as many more of the
 * safest as the set has grown by.
 *
 * @param similarities  f64[N] of each pair's image with its caption
 * @param earlier       pairs that were safe at first, and epochs since; undefined at first
 * @returns             u32[N]: 1 for a safe pair, 0 for a risky one
 */
export function safePairs(
  { safeclip }: Pick<Config, "safeclip">,
  similarities: Float64Array,
  earlier?: { readonly first: number; readonly epochs: number },
): Uint32Array {
  const { threshold, growth, most } = safeclip;
  const safety = upperProbabilities(similarities, fitMixture(similarities));
  if (!earlier) return Uint32Array.from(safety, (p) => (p >= threshold ? 1 : 0));
  const pairs = similarities.length;
  const grown = earlier.first + growth * earlier.epochs * pairs;
  const count = Math.floor(Math.min(grown, most * pairs));
  // Where rounding makes probabilities equal, the more similar pair is the safer.
  const order = Array.from(safety.keys()).sort(
    (a, b) => safety[b]! - safety[a]! || similarities[b]! - similarities[a]! || a - b,
  );
  const safe = new Uint32Array(pairs);
  for (const row of order.slice(0, count)) safe[row] = 1;
  return safe;
}
