/** A batch of noise: kernels take as long over it as over pictures and captions. */
import { adamWSchedule, averageRate, type HostArray, keyOf, stream } from "../engine/index.ts";
import { drawAugmentation } from "./augment.ts";
import { VIEWS } from "./baselines/views.ts";
import { augmentOf, type HostBatch, imageWords } from "./batches.ts";
import type { StepKind } from "./schedule.ts";
import type { Config } from "./schema.ts";

/**
 * The inputs of a step.
 *
 * @param kind   of step
 * @param pairs  training pairs to number the batch's pairs by
 */
export function noiseBatch(config: Config, kind: StepKind, pairs: number): HostBatch {
  const { batch, contextLength, imageSize, vocabularySize } = config;
  const rows = VIEWS[kind].length * batch;
  const { u32, below } = stream(keyOf(1));
  const words = (count: number, value: (i: number) => number) =>
    Uint32Array.from({ length: count }, (_, i) => value(i));
  const image = words(imageWords(imageSize), u32); // the same for all: draws take a µs each
  const schedule = adamWSchedule(1, config.lr, config);
  return {
    images: words(rows * image.length, (i) => image[i % image.length]!),
    draws: drawAugmentation(augmentOf(config), keyOf(1), rows, imageSize),
    tokens: words(rows * contextLength, () => below(vocabularySize)),
    ends: words(rows, (i) => (i + 1) * contextLength - 1),
    pairs: words(batch, () => below(pairs)),
    schedule,
    textSchedule: schedule,
    averageRate: averageRate(1, config.ema),
  };
}

/** Captions for `textGradient` "re-encoded": all of the same token, which takes as long as any. */
export function noiseCaptions(
  { contextLength }: Config,
  pairs: number,
): { tokens: HostArray; ends: HostArray } {
  return {
    tokens: { shape: [pairs, contextLength], data: new Uint32Array(pairs * contextLength) },
    ends: { shape: [pairs], data: new Uint32Array(pairs).fill(contextLength - 1) },
  };
}
