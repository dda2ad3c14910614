import type { Config } from "./schema.ts";

/**
 * What a step descends: CLIP's loss, RoCLIP's with the pool, SafeCLIP's of each modality alone, or
 * CleanCLIP's of all its terms.
 */
export type StepKind = "plain" | "matching" | "unimodal" | "clean";

/** What an epoch is made of: steps of one kind or, with SafeCLIP, slow or split ones. */
export type Phase = StepKind | "slow" | "split";

/** The kinds of step of a phase, in their order. */
export const KINDS: Readonly<Record<Phase, readonly StepKind[]>> = {
  plain: ["plain"],
  matching: ["matching"],
  unimodal: ["unimodal"],
  clean: ["clean"],
  slow: ["plain"],
  split: ["unimodal", "plain"],
};

/** Keys that decide which epochs match, and what an epoch trains by. */
type Matching = Pick<Config, "defence" | "roclip">;
type Defending = Matching & Pick<Config, "safeclip">;

/**
 * What an epoch trains by.
 *
 * @param epoch  from 1
 */
export function phaseOf(config: Defending, epoch: number): Phase {
  const { unimodalEpochs, slowEpochs } = config.safeclip;
  if (config.defence === "cleanclip") return "clean";
  if (config.defence === "safeclip") {
    if (epoch <= unimodalEpochs) return "unimodal";
    return epoch <= unimodalEpochs + slowEpochs ? "slow" : "split";
  }
  return isMatchingEpoch(config, epoch) ? "matching" : "plain";
}

/**
 * The kinds of step of an epoch, in their order: those of its phase, but a judge matches nothing.
 *
 * @param epoch  from 1
 */
export function kindsIn(config: Defending, epoch: number): readonly StepKind[] {
  const phase = phaseOf(config, epoch);
  return KINDS[phase === "matching" && judges(config) ? "plain" : phase];
}

/** The kinds of step that a run has. */
export function stepKinds(config: Defending & Pick<Config, "epochs">): StepKind[] {
  const epochs = Array.from({ length: config.epochs }, (_, i) => i + 1);
  return [...new Set(epochs.flatMap((epoch) => kindsIn(config, epoch)))];
}

/**
 * Whether epoch `epoch` matches images with the caption pool.
 *
 * @param config  defence and roclip.epochs decide or, where none is listed, roclip.frequency (K)
 *                and roclip.firstEpoch
 * @param epoch   from 1
 * @see           Yang, Gao & Mirzasoleiman 2023, arXiv:2303.06854, algorithm 1. `firstEpoch` and
 *                the list are ours: with 1 it is the paper's rule, epoch mod K = 0.
 */
export function isMatchingEpoch(config: Matching, epoch: number): boolean {
  const { frequency, firstEpoch, epochs } = config.roclip;
  if (config.defence !== "roclip") return false;
  return epochs.length > 0
    ? epochs.includes(epoch)
    : epoch >= firstEpoch && epoch % frequency === 0;
}

/** Whether matching epochs leave out pairs that a pool judges by (judge.ts), and match nothing. */
export function judges({ defence, roclip }: Matching): boolean {
  return defence === "roclip" && roclip.judge > 0;
}

/** Whether a model is begun anew that judges pairs which it has not trained on (sides.ts). */
function crosswise(config: Matching): boolean {
  return judges(config) && config.roclip.judgeCrosswise;
}

/**
 * Which side of the pairs an epoch trains on with `roclip.judgeCrosswise`: 0 before the first
 * matching epoch, 1 in it, and all after it (undefined), as without.
 *
 * @param epoch  from 1
 */
export function sideTrained(config: Matching, epoch: number): 0 | 1 | undefined {
  if (!crosswise(config)) return undefined;
  const matched = epoch - 1 - plainEpochsBefore(config, epoch);
  if (matched > 0) return undefined;
  return isMatchingEpoch(config, epoch) ? 1 : 0;
}

/**
 * The epoch that began the model which an epoch trains: 1, or with `roclip.judgeCrosswise` the
 * first that matched.
 *
 * @param epoch  from 1
 */
export function epochBegun(config: Matching, epoch: number): number {
  const epochs = Array.from({ length: epoch }, (_, i) => i + 1);
  return epochs.find((past) => sideTrained(config, past) === 1) ?? 1;
}

/** Whether matching epochs train the text tower: by own or matched captions, or matched images. */
export function matchingTrainsText({ roclip }: Pick<Config, "roclip">): boolean {
  return roclip.judge > 0 || roclip.textGradient === "re-encoded" || roclip.direction === "both";
}

/**
 * Whether the pools are encoded anew before a step: at the first step of a matching epoch and every
 * `roclip.reencodeEvery` steps after it.
 *
 * @param step  of the epoch, from 0
 */
export function isReencodingStep(config: Matching, epoch: number, step: number): boolean {
  const { reencodeEvery } = config.roclip;
  if (reencodeEvery === 0 || judges(config)) return false;
  return isMatchingEpoch(config, epoch) && step % reencodeEvery === 0;
}

/**
 * Epochs that did not match, before an epoch.
 *
 * @param epoch  from 1
 */
export function plainEpochsBefore(config: Matching, epoch: number): number {
  const earlier = Array.from({ length: epoch - 1 }, (_, i) => i + 1);
  return earlier.filter((past) => !isMatchingEpoch(config, past)).length;
}

/** Whether any epoch of a run matches. */
export function everMatches(config: Pick<Config, "defence" | "roclip" | "epochs">): boolean {
  return plainEpochsBefore(config, config.epochs + 1) < config.epochs;
}

/**
 * Epochs that trained the model's text tower, before an epoch: all, or those that did not match.
 *
 * @param epoch  from 1
 */
export function textEpochsBefore(config: Matching, epoch: number): number {
  return matchingTrainsText(config)
    ? epoch - epochBegun(config, epoch)
    : plainEpochsBefore(config, epoch);
}

/**
 * The learning rate of a step: linear warm-up, then a half cosine from `lr` to 0, a line to 0, or
 * `lr` as it is.
 *
 *   lr · (step + 1) / warmup                                     step < warmup
 *   lr · ½ · (1 + cos(π · x))                                    otherwise, "cosine"
 *   lr · (1 − x)                                                  otherwise, "linear"
 *   lr                                                            otherwise, "constant"
 *
 * where x = (step − warmup) / (total − warmup), warmup = warmupSteps, total = epochs · stepsPerEpoch.
 * A model that is begun anew (`epochBegun`) is warmed up anew, and then is at the run's x.
 *
 * In SafeCLIP's slow epochs it is lr · safeclip.slowLr.
 *
 * With `scheduleOffset` the step is counted one epoch ahead, as in the authors' code: the first
 * epoch's warm-up is skipped, and in the last epoch the cosine has passed its end and rises again
 * (the line stays at 0).
 *
 * @param config         epochs, lr, lrSchedule, warmupSteps and scheduleOffset decide
 * @param step           from 0
 * @param stepsPerEpoch  at least 1
 */
export function learningRate(
  config: Defending &
    Pick<Config, "epochs" | "lr" | "lrSchedule" | "warmupSteps" | "scheduleOffset">,
  step: number,
  stepsPerEpoch: number,
): number {
  const { epochs, lr, lrSchedule, warmupSteps, scheduleOffset } = config;
  const epoch = Math.floor(step / stepsPerEpoch) + 1;
  if (phaseOf(config, epoch) === "slow") return lr * config.safeclip.slowLr;
  const at = scheduleOffset ? step + stepsPerEpoch : step;
  const since = at - (epochBegun(config, epoch) - 1) * stepsPerEpoch;
  if (since < warmupSteps) return (lr * (since + 1)) / warmupSteps;
  // One step at least: with a warm-up that fills the run, the first step after it is at the peak.
  const fall = Math.max(1, epochs * stepsPerEpoch - warmupSteps);
  if (lrSchedule === "constant") return lr;
  if (lrSchedule === "linear") return lr * Math.max(0, 1 - (at - warmupSteps) / fall);
  return lr * 0.5 * (1 + Math.cos((Math.PI * (at - warmupSteps)) / fall));
}
