/**
 * One training step of CLIP or RoCLIP: the paper's algorithm 1, line by line.
 *
 * Pure: tensors in, tensors out. `train.ts` decides which epochs match and does the I/O.
 *
 * @see Yang, Gao & Mirzasoleiman 2023, arXiv:2303.06854, algorithm 1
 */
import {
  adamWUpdate,
  augment,
  averageUpdate,
  clampUpdate,
  contrastiveLoss,
  gatherRows,
  gatherWords,
  grad,
  nearest,
  ravelIndex,
  ringPush,
  scatterWords,
  stopGradient,
  type Tensor,
  unitRows,
} from "../engine/index.ts";
import { type HeldState, MAX_LOGIT_SCALE } from "./model.ts";
import type { Config } from "./schema.ts";
import { textFeatures } from "./text.ts";
import { imageFeatures } from "./vision.ts";

/** Every training caption, un-augmented, by its id: held on the device, never updated. */
export interface Captions {
  /** u32[N, T] */
  readonly tokens: Tensor;
  /** u32[N] place of the end-of-text token in its caption. */
  readonly ends: Tensor;
}

/** The inputs of a step. */
export interface Batch {
  /** u32[B, ⌈3 S² / 4⌉] RGB bytes. */
  readonly images: Tensor;
  /** f32[B, n] augmentation draws (augment.ts). */
  readonly draws: Tensor;
  /** u32[B, T] tokens of the (augmented) captions. */
  readonly tokens: Tensor;
  /** u32[B] places of the end-of-text tokens among the B · T. */
  readonly ends: Tensor;
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

/** The parameters that a step trains: all, or all but the text tower. */
export type Trained = Pick<HeldState["params"], "image" | "logitScale"> &
  Partial<HeldState["params"]>;

/** A step up to its loss: `state` is as it will be but for parameters and moments. */
export interface StepLoss extends StepResult {
  readonly trained: Trained;
}

/**
 * One step.
 *
 * @param matching  whether images are matched with the pool (a RoCLIP epoch) instead of with their
 *                  own captions
 */
export function trainingStep(
  config: Config,
  state: HeldState,
  batch: Batch,
  matching: boolean,
): StepResult {
  const { trained, ...step } = stepLoss(config, state, batch, matching);
  const next = descend(config, step.state, batch, step.loss, trained);
  return { ...step, state: averaged(next, batch.averageRate) };
}

/**
 * The loss of a step, which `trainingStep` descends.
 *
 * @param matching  as for `trainingStep`
 */
export function stepLoss(
  config: Config,
  state: HeldState,
  batch: Batch,
  matching: boolean,
): StepLoss {
  const { params, pool } = state;
  const { blurKernel } = config.augment;
  const pixels = augment(batch.images, batch.draws, { size: config.imageSize, blurKernel });
  const seen = imageFeatures(params.image, state.statistics, pixels, config);
  const { features, statistics } = seen;
  const I = unitRows(features);
  const T = unitRows(textFeatures(params.text, config, batch.tokens, batch.ends));

  if (!matching) {
    const loss = contrastiveLoss(I, T, params.logitScale);
    const feeds = config.defence === "roclip" && config.roclip.poolUpdate === "all";
    const fed = feeds ? ringPush(pool, stopGradient(T), batch.pairs) : pool;
    return { loss, trained: params, state: { ...state, statistics, pool: fed } };
  }

  // Each image gets the caption in the pool that is most similar to it. No gradient flows through
  // the pool: without re-encoding the text tower gets exactly none and is left as it is.
  const { index } = nearest(I, pool.rows, { count: pool.cursor });
  const captionIds = gatherWords(pool.ids, index);
  const encodes = config.roclip.textGradient === "re-encoded";
  const matched = encodes
    ? unitRows(reencoded(config, params, batch, captionIds))
    : stopGradient(gatherRows(pool.rows, index));
  const shared = config.roclip.duplicates === "positives" ? { positives: index } : {};
  const loss = contrastiveLoss(I, matched, params.logitScale, shared);
  const matches = scatterWords(state.matches, batch.pairs, captionIds);
  const fed = ringPush(pool, stopGradient(T), batch.pairs); // after the query
  const { text: _, ...others } = params;
  const trained = encodes ? params : others;
  return { loss, trained, matched: index, state: { ...state, statistics, matches, pool: fed } };
}

/** Matched captions by the current text tower: f32[B, E], not of unit length. */
function reencoded(
  config: Config,
  params: HeldState["params"],
  { captions }: Batch,
  ids: Tensor,
): Tensor {
  if (!captions)
    throw new Error(
      'stepLoss: captions must be given where roclip.textGradient is "re-encoded"; they are not; ' +
        "hold allCaptions on the device and pass it to batchInputs",
    );
  const tokens = gatherWords(captions.tokens, ids);
  const ends = ravelIndex(gatherWords(captions.ends, ids), tokens.shape[1]!);
  return textFeatures(params.text, config, tokens, ends);
}

/** AdamW on the trained parameters; the others and their moments keep their values. */
function descend(
  config: Config,
  state: HeldState,
  batch: Batch,
  loss: Tensor,
  trained: Trained,
): HeldState {
  const { params, moments } = state;
  const settings = {
    ...config,
    // As the authors: matrices and filters decay; norms, biases and the logit scale do not.
    decays: (_: string, parameter: Tensor) => parameter.shape.length >= 2,
  };
  const gradients = grad(loss, trained);
  const { text, ...others } = trained;
  const next = adamWUpdate(gradients, moments, others, batch.schedule, settings);
  const nextText =
    text && adamWUpdate({ text: gradients.text! }, moments, { text }, batch.textSchedule, settings);
  const logitScale = clampUpdate(next.params.logitScale, 0, MAX_LOGIT_SCALE);
  return {
    ...state,
    params: { ...params, ...next.params, ...nextText?.params, logitScale },
    moments: {
      first: { ...moments.first, ...next.moments.first, ...nextText?.moments.first },
      second: { ...moments.second, ...next.moments.second, ...nextText?.moments.second },
    },
  };
}

/** Averages, where the state has them, moved to the weights and batch norm statistics of now. */
function averaged(state: HeldState, rate: Tensor): HeldState {
  const { params, statistics, average } = state;
  return average
    ? { ...state, average: averageUpdate(average, { params, statistics }, rate) }
    : state;
}

/**
 * Put a batch of captions into the pool, before the first matching epoch.
 *
 * @param batch  tokens, ends and pairs of the captions; its images are not used
 * @returns      the pool's new versions
 */
export function fillPool(config: Config, state: HeldState, batch: Batch): HeldState["pool"] {
  const T = textFeatures(state.params.text, config, batch.tokens, batch.ends);
  return ringPush(state.pool, unitRows(T), batch.pairs);
}
