/** The batches of an epoch: which pairs, how augmented, as bytes ready for upload. */
import {
  adamWSchedule,
  averageRate,
  fold,
  type HostArray,
  type Key,
  keyOf,
} from "../engine/index.ts";

import { type AugmentConfig, drawAugmentation, identityDraws } from "./augment.ts";
import { VIEWS, type View } from "./baselines/views.ts";
import type { Dataset } from "./data/dataset.ts";
import { createEda, type Eda } from "./eda.ts";
import { UserError } from "./errors.ts";
import { type Chosen, type EpochOrder, epochOrder, pairsTrained } from "./order.ts";
import { epochBegun, learningRate, type StepKind, textEpochsBefore } from "./schedule.ts";
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
const VIEW = 0x76696577; // "view": keeps the second view's draws apart from the first's
const EPOCHS = 0x65706f63; // "epoc": keeps epoch keys apart from other uses of the seed

/**
 * Steps in an epoch; what is left over a whole number of batches waits for another epoch's order.
 *
 * @param pairs  training pairs in all
 * @throws  UserError when one batch is larger than the data
 */
export function stepsPerEpoch(
  config: Pick<Config, "batch" | "defence" | "cleanclip">,
  pairs: number,
): number {
  const trained = pairsTrained(config, pairs);
  if (config.batch <= trained) return Math.floor(trained / config.batch);
  throw new UserError(
    `batch: a batch must not be larger than the data; it is ${config.batch} of ${trained} pairs; ` +
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

/** A batch, and the kind of step that it is for. */
export interface DrawnBatch extends HostBatch {
  readonly kind: StepKind;
}

/** What the views of a batch are drawn from. */
interface Drawing {
  readonly config: Config;
  readonly dataset: Dataset;
  readonly edit: Eda;
  readonly pairs: Uint32Array;
  /** Of the images' draws, and of the captions' edits. */
  readonly keys: { readonly images: Key; readonly captions: Key };
}

/** One view of each pair of a batch: its images' draws and its captions. */
function drawView(view: View, { config, dataset, edit, pairs, keys }: Drawing) {
  const captions = Array.from(pairs, (row) => dataset.captions[row]!);
  const { length } = pairs;
  if (view === "original") return { draws: identityDraws(length, dataset.size), captions };
  return {
    draws: config.augment.enabled
      ? drawAugmentation(augmentOf(config), keys.images, length, dataset.size)
      : identityDraws(length, dataset.size),
    captions: captions.map((caption, i) => edit(caption, fold(keys.captions, pairs[i]!))),
  };
}

/** The views that a kind of step takes of a batch, one below the other. */
function drawViews(kind: StepKind, tokenizer: Tokenizer, drawing: Drawing) {
  const { config, dataset, pairs, keys } = drawing;
  const views = VIEWS[kind].map((view, n) => {
    // The first view has the keys themselves; another is drawn apart from it.
    const own = (key: Key) => (n === 0 ? key : fold(key, VIEW + n));
    const drawn = { images: own(keys.images), captions: own(keys.captions) };
    return drawView(view, { ...drawing, keys: drawn });
  });
  const captions = views.flatMap((view) => view.captions);
  return {
    images: packImages(
      dataset,
      views.flatMap(() => [...pairs]),
    ),
    draws: Float32Array.from(views.flatMap(({ draws }) => [...draws])),
    ...packCaptions(tokenizer, captions, config.contextLength),
  };
}

/**
 * A function that makes any batch of a run: pure in (epoch, step).
 *
 * @param chosen  the pairs that a defence trains on
 * @returns       (epoch from 1, step of the epoch from 0) → the inputs of that step
 */
export function createBatches(
  config: Config,
  dataset: Dataset,
  tokenizer: Tokenizer,
  chosen: Chosen = {},
): (epoch: number, step: number) => DrawnBatch {
  const pairsInAll = dataset.captions.length;
  const steps = stepsPerEpoch(config, pairsInAll);
  const edit: Eda = config.eda.enabled ? createEda(config.eda) : (caption) => caption;
  const runKey = fold(keyOf(config.seed), EPOCHS);
  let order: (EpochOrder & { epoch: number; key: Key }) | undefined;
  const orderOf = (epoch: number) => {
    if (order?.epoch === epoch) return order;
    const key = fold(runKey, epoch);
    order = { epoch, key, ...epochOrder(config, epoch, pairsInAll, chosen, fold(key, ORDER)) };
    return order;
  };
  return (epoch, step) => {
    const { key, rows, kindAt } = orderOf(epoch);
    const pairs = rows.slice(step * config.batch, (step + 1) * config.batch);
    const kind = kindAt(step);
    // The authors draw the edits once, as they read the captions: before epoch 1.
    const captions = fold(config.eda.redraw ? key : fold(runKey, 0), CAPTIONS);
    const keys = { images: fold(fold(key, IMAGES), step), captions };
    const total = (epoch - 1) * steps + step;
    const lr = learningRate(config, total, steps);
    const updates = total + 1 - (epochBegun(config, epoch) - 1) * steps;
    return {
      kind,
      ...drawViews(kind, tokenizer, { config, dataset, edit, pairs, keys }),
      pairs,
      schedule: adamWSchedule(updates, lr, config),
      // Bias corrections count the updates that the moments have had, as in torch.optim.AdamW. By
      // the count of all steps, the text tower's updates would be a fifth too large in the demo.
      textSchedule: adamWSchedule(textEpochsBefore(config, epoch) * steps + step + 1, lr, config),
      averageRate: averageRate(updates, config.ema),
    };
  };
}

/** The augmentation of a configuration in the form that augment.ts draws from. */
export function augmentOf({ augment }: Config): AugmentConfig {
  const { jitter, ...rest } = augment;
  const { probability, ...strengths } = jitter;
  return { ...rest, ...strengths, jitterProbability: probability };
}
