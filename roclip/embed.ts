/**
 * Both towers over a batch, whole or in micro-batches: then no more than one micro-batch's
 * activations are in memory, and the loss, the pools and their gradients are still the whole
 * batch's. Every micro-batch is embedded, the loss gives the embeddings their gradients, and each
 * micro-batch goes through its tower again to pass its own on; what parameters get is added up from
 * the last micro-batch to the first.
 *
 * @see Gao, Zhang, Han & Callan 2021, arXiv:2101.06983, §3.2 (GradCache)
 */
import {
  augment,
  concatRows,
  normalise,
  recompute,
  type Tensor,
  unitRows,
} from "../engine/index.ts";
import type { HeldState, Weights } from "./model.ts";
import type { Config } from "./schema.ts";
import { textFeatures } from "./text.ts";
import { imageFeatures, imageFeaturesAgain, imageFeaturesEval } from "./vision.ts";

/**
 * What micro-batches change in a tower with batch norms, in words; undefined where they change
 * nothing: without batch norms, rows do not see each other before the loss.
 */
export function microBatchNote({ batch, microBatch, model }: Config): string | undefined {
  const normed = model === "small" || Array.isArray(model.vision_cfg.layers);
  if (!normed || microBatch === 0 || microBatch === batch) return undefined;
  return (
    `Micro-batches: the image tower's batch norms take their statistics of ${microBatch} pairs at ` +
    `a time, not of all ${batch}, so gradients are not those of the whole batch at once. A vision ` +
    "transformer's would be."
  );
}

/** Captions that the text tower sees at once. */
export interface Texts {
  /** u32[B, T] tokens of the (augmented) captions. */
  readonly tokens: Tensor;
  /** u32[B] places of the end-of-text tokens among the B · T. */
  readonly ends: Tensor;
}

/** Pairs that the towers see at once: a batch or a micro-batch. */
export interface Part extends Texts {
  /** u32[B, ⌈3 S² / 4⌉] RGB bytes. */
  readonly images: Tensor;
  /** f32[B, n] augmentation draws (augment.ts). */
  readonly draws: Tensor;
}

/** One or more, in the order of the batch's rows. */
export type Parts<P = Part> = readonly [P, ...P[]];

/** What the towers make of a batch: rows of any length, which `unit` makes embeddings of. */
export interface Features {
  /** f32[B, E] images. */
  readonly I: Tensor;
  /** f32[B, E] captions. */
  readonly T: Tensor;
}

/** The embeddings of a batch: unit rows. */
export const unit = ({ I, T }: Features): Features => ({ I: unitRows(I), T: unitRows(T) });

/** What a function makes of each part, in the order of the batch's rows. */
function rowsOf<P>(parts: Parts<P>, features: (part: P) => Tensor): Tensor {
  const [head, ...others] = parts;
  return concatRows([features(head), ...others.map(features)]);
}

/**
 * The text tower over captions in training.
 *
 * @returns  f32[B, E]
 */
export function embedTexts(
  config: Config,
  text: HeldState["params"]["text"],
  parts: Parts<Texts>,
): Tensor {
  return rowsOf(parts, ({ tokens, ends }) => {
    const features = (params: typeof text) => textFeatures(params, config, tokens, ends);
    return parts.length === 1 ? features(text) : recompute(features, text);
  });
}

/**
 * Both towers over a batch in training: augmented, batch norms by the statistics of a part.
 *
 * @returns  also the running statistics' new versions, updated once per part
 */
export function embed(
  config: Config,
  { params, statistics }: Weights<Tensor>,
  parts: Parts,
): Features & Pick<HeldState, "statistics"> {
  const {
    imageSize: size,
    augment: { blurKernel },
  } = config;
  let running = statistics;
  const I = rowsOf(parts, ({ images, draws }) => {
    const pixels = () => augment(images, draws, { size, blurKernel });
    const seen =
      parts.length === 1
        ? imageFeatures(params.image, running, pixels(), config)
        : imageFeaturesAgain(params.image, running, pixels, config);
    running = seen.statistics;
    return seen.features;
  });
  return { I, T: embedTexts(config, params.text, parts), statistics: running };
}

/**
 * Both towers over a batch as evaluation has it: un-augmented, batch norms by the running
 * statistics.
 */
export function embedAsIs(
  config: Config,
  { params, statistics }: Weights<Tensor>,
  parts: Parts<Omit<Part, "draws">>,
): Features {
  const I = rowsOf(parts, ({ images }) => {
    const pixels = normalise(images, { size: config.imageSize });
    return imageFeaturesEval(params.image, statistics, pixels, config);
  });
  const T = rowsOf(parts, ({ tokens, ends }) => textFeatures(params.text, config, tokens, ends));
  return { I, T };
}
