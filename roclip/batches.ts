/** The batches of an epoch: which pairs, how augmented, as bytes ready for upload. */
import {
  adamWSchedule,
  averageRate,
  fold,
  type HostArray,
  type Key,
  keyOf,
  stream,
} from "../engine/index.ts";

import { type AugmentConfig, drawAugmentation, identityDraws } from "./augment.ts";
import type { Dataset } from "./data/dataset.ts";
import { createEda } from "./eda.ts";
import { UserError } from "./errors.ts";
import { learningRate, textEpochsBefore } from "./schedule.ts";
import type { Config } from "./schema.ts";
import type { Tokenizer } from "./tokenize.ts";

/** The data of a step's inputs (`Batch` in step.ts), by name. */
export interface HostBatch {
  readonly images: Uint32Array;
  readonly draws: Float32Array;
  readonly tokens: Uint32Array;
  readonly ends: Uint32Array;
  readonly pairs: Uint32Array;
  readonly schedule: Float32Array;
  readonly textSchedule: Float32Array;
  readonly averageRate: Float32Array;
}

const ORDER = 1; // folds of an epoch's key
const IMAGES = 2;
const CAPTIONS = 3;
const EPOCHS = 0x65706f63; // "epoc": keeps epoch keys apart from other uses of the seed

/**
 * Steps in an epoch; what is left over a whole number of batches waits for another epoch's order.
 *
 * @throws  UserError when one batch is larger than the data
 */
export function stepsPerEpoch(config: Pick<Config, "batch">, pairs: number): number {
  if (config.batch <= pairs) return Math.floor(pairs / config.batch);
  throw new UserError(
    `batch: a batch must not be larger than the data; it is ${config.batch} of ${pairs} pairs; ` +
      "choose a smaller --batch",
  );
}

/** u32 words in one image of RGB bytes. */
export function imageWords(size: number): number {
  return Math.ceil((size * size * 3) / 4);
}

/**
 * Images as the words that go up to the device.
 *
 * @param rows  of the data set
 * @returns     u32[rows, ⌈3 S² / 4⌉], each image padded to a whole word
 */
export function packImages(dataset: Dataset, rows: ArrayLike<number>): Uint32Array {
  const bytes = dataset.size * dataset.size * 3;
  const words = imageWords(dataset.size);
  const packed = new Uint8Array(rows.length * words * 4);
  for (let i = 0; i < rows.length; i++) {
    const at = rows[i]! * bytes;
    packed.set(dataset.images.subarray(at, at + bytes), i * words * 4);
  }
  return new Uint32Array(packed.buffer);
}

/**
 * Captions as tokens.
 *
 * @returns  tokens u32[B, T]; ends u32[B], the place of each end of text among the B · T tokens
 */
export function packCaptions(
  tokenizer: Tokenizer,
  captions: readonly string[],
  contextLength: number,
): { tokens: Uint32Array; ends: Uint32Array } {
  const { ids, ends } = tokenizer.encodeBatch(captions, contextLength);
  return { tokens: ids, ends: ends.map((end, i) => i * contextLength + end) };
}

/**
 * All captions of a data set, un-augmented, as a matching step encodes them anew by their ids.
 *
 * @returns  tokens u32[N, T]; ends u32[N], the place of each end of text in its caption (`Captions`
 *           in match.ts)
 */
export function allCaptions(
  tokenizer: Tokenizer,
  { captions }: Dataset,
  contextLength: number,
): { tokens: HostArray; ends: HostArray } {
  const { ids, ends } = tokenizer.encodeBatch(captions, contextLength);
  const rows = captions.length;
  return {
    tokens: { shape: [rows, contextLength], data: ids },
    ends: { shape: [rows], data: ends },
  };
}

/**
 * A function that makes any batch of a run: pure in (epoch, step).
 *
 * @returns  (epoch from 1, step of the epoch from 0) → the inputs of that step
 */
export function createBatches(
  config: Config,
  dataset: Dataset,
  tokenizer: Tokenizer,
): (epoch: number, step: number) => HostBatch {
  const pairsInAll = dataset.captions.length;
  const steps = stepsPerEpoch(config, pairsInAll);
  const eda = config.eda.enabled ? createEda(config.eda) : (caption: string) => caption;
  const runKey = fold(keyOf(config.seed), EPOCHS);
  let order: { epoch: number; key: Key; rows: Uint32Array } | undefined;
  const orderOf = (epoch: number) => {
    if (order?.epoch === epoch) return order;
    const key = fold(runKey, epoch);
    order = { epoch, key, rows: stream(fold(key, ORDER)).permutation(pairsInAll) };
    return order;
  };
  return (epoch, step) => {
    const { key, rows } = orderOf(epoch);
    const pairs = rows.slice(step * config.batch, (step + 1) * config.batch);
    // The authors draw the edits once, as they read the captions: before epoch 1.
    const captionKey = fold(config.eda.redraw ? key : fold(runKey, 0), CAPTIONS);
    const captions = Array.from(pairs, (row) => eda(dataset.captions[row]!, fold(captionKey, row)));
    const total = (epoch - 1) * steps + step;
    const lr = learningRate(config, total, steps);
    const drawKey = fold(fold(key, IMAGES), step);
    return {
      images: packImages(dataset, pairs),
      draws: config.augment.enabled
        ? drawAugmentation(augmentOf(config), drawKey, pairs.length, dataset.size)
        : identityDraws(pairs.length, dataset.size),
      ...packCaptions(tokenizer, captions, config.contextLength),
      pairs,
      schedule: adamWSchedule(total + 1, lr, config),
      // Bias corrections count the updates that the moments have had, as in torch.optim.AdamW. By
      // the count of all steps, the text tower's updates would be a fifth too large in the demo.
      textSchedule: adamWSchedule(textEpochsBefore(config, epoch) * steps + step + 1, lr, config),
      averageRate: averageRate(total + 1, config.ema),
    };
  };
}

/** The augmentation of a configuration in the form that augment.ts draws from. */
export function augmentOf({ augment }: Config): AugmentConfig {
  const { jitter, ...rest } = augment;
  const { probability, ...strengths } = jitter;
  return { ...rest, ...strengths, jitterProbability: probability };
}
