/**
 * One training step of CLIP or RoCLIP: the paper's algorithm 1, line by line.
 *
 * Pure: tensors in, tensors out. `train.ts` decides which epochs match and does the I/O.
 *
 * @see Yang, Gao & Mirzasoleiman 2023, arXiv:2303.06854, algorithm 1
 */
import { add, contrastiveLoss, scale, scatterWords, type Tensor } from "../engine/index.ts";
import { cleanLoss } from "./baselines/cleanclip.ts";
import { unimodalLoss } from "./baselines/safeclip.ts";
import { averaged, descend, type Trained } from "./descent.ts";
import { embed, type Parts, unit } from "./embed.ts";
import { inUse } from "./inUse.ts";
import { type Captions, duplicatesOf, type Match, matchPool, reencoded } from "./match.ts";
import type { HeldState } from "./model.ts";
import { feedPools } from "./pool.ts";
import { judges, matchingTrainsText, type StepKind } from "./schedule.ts";
import type { Config } from "./schema.ts";

/** The inputs of a step. */
export interface Batch {
  /**
   * The batch's pairs, or its micro-batches (embed.ts); 2 B rows where a step takes two views of
   * its pairs.
   */
  readonly parts: Parts;
  /** u32[B] row of each pair in the training data, which is its caption's id. */
  readonly pairs: Tensor;
  /** f32[3] learning rate and bias corrections (engine/optim.ts). */
  readonly schedule: Tensor;
  /** f32[3] the same for the text tower, whose moments are of the steps that train it. */
  readonly textSchedule: Tensor;
  /** f32[1] how far the averages of the weights move (engine/optim.ts); read only with `ema`. */
  readonly averageRate: Tensor;
  /** Only for `textGradient` "re-encoded". */
  readonly captions?: Captions;
}

/** What a step returns. */
export interface StepResult {
  readonly state: HeldState;
  /** f32[] */
  readonly loss: Tensor;
  /** u32[B] pool row that each image was matched with; only in a matching step. */
  readonly matched?: Tensor;
}

/** A step up to its loss: `state` is as it will be but for parameters and moments. */
export interface StepLoss extends StepResult {
  readonly trained: Trained;
}

/**
 * One step.
 *
 * @param kind  whether images are paired with their own captions ("plain") or matched with the pool
 *              ("matching", a RoCLIP epoch); "unimodal" and "clean" are SafeCLIP's and CleanCLIP's
 */
export function trainingStep(
  config: Config,
  state: HeldState,
  batch: Batch,
  kind: StepKind,
): StepResult {
  const { trained, ...step } = stepLoss(config, state, batch, kind);
  const next = descend(config, step.state, batch, step.loss, trained);
  return { ...step, state: averaged(next, batch.averageRate) };
}

/**
 * The loss of a step, which `trainingStep` descends.
 *
 * @param kind  as for `trainingStep`
 */
export function stepLoss(config: Config, state: HeldState, batch: Batch, kind: StepKind): StepLoss {
  const { params } = state;
  const used = inUse(config, params);
  const { statistics, ...features } = embed(config, { ...state, params: used }, batch.parts);
  const { I, T } = unit(features);

  if (kind === "unimodal") {
    const { loss, pools } = unimodalLoss(config, state, I, T, batch.pairs);
    return { loss, trained: params, state: { ...state, statistics, ...pools } };
  }

  if (kind === "clean") {
    const loss = cleanLoss(config, I, T, params.logitScale);
    return { loss, trained: params, state: { ...state, statistics } };
  }

  if (kind === "plain") {
    const loss = contrastiveLoss(I, T, params.logitScale);
    const { defence, roclip } = config;
    const feeds = defence === "roclip" && roclip.poolUpdate === "all" && !judges(config);
    const fed = feeds ? feedPools(config, state, features, batch.pairs) : {};
    return { loss, trained: params, state: { ...state, statistics, ...fed } };
  }

  const { loss, match } = matchingLoss(config, { ...state, params: used }, batch, I, T);
  const matches = scatterWords(state.matches, batch.pairs, match.ids);
  const fed = feedPools(config, state, features, batch.pairs); // after the query
  const { text: _, ...others } = params;
  const trained = matchingTrainsText(config) ? params : others;
  const next = { ...state, statistics, matches, ...fed };
  return { loss, trained, matched: match.index, state: next };
}

/** The loss of images I and captions T that are matched with the pools. */
function matchingLoss(
  config: Config,
  { params, pool, imagePool }: HeldState,
  { captions }: Batch,
  I: Tensor,
  T: Tensor,
): { loss: Tensor; match: Match } {
  // Each image gets the caption in the pool that is most similar to it. No gradient flows through
  // the pool: unless matched captions are encoded anew, the text tower gets exactly none.
  const found = matchPool(config, I, pool);
  const encodes = config.roclip.textGradient === "re-encoded";
  const match = encodes ? reencoded(config, params, captions, found) : found;
  const shared = duplicatesOf(config, match);
  const loss = contrastiveLoss(I, match.partners, params.logitScale, shared);
  if (!imagePool) return { loss, match };

  // Direction "both": each caption also gets the image in the image pool most similar to it.
  const image = matchPool(config, T, imagePool);
  const alike = duplicatesOf(config, image);
  const reverse = contrastiveLoss(image.partners, T, params.logitScale, alike);
  return { loss: scale(add(loss, reverse), 1 / 2), match };
}
