import { rowsFor } from "./amount.ts";
import type { Config } from "./config.ts";

/**
 * Whether epoch `epoch` matches images with the caption pool.
 *
 * @param config  defence, roclip.frequency (K) and roclip.firstEpoch decide
 * @param epoch   from 1
 * @see           Yang, Gao & Mirzasoleiman 2023, arXiv:2303.06854, algorithm 1. `firstEpoch` is
 *                ours: with 1 it is the paper's rule, epoch mod K = 0.
 */
export function isMatchingEpoch(
  config: Pick<Config, "defence" | "roclip">,
  epoch: number,
): boolean {
  const { frequency, firstEpoch } = config.roclip;
  return config.defence === "roclip" && epoch >= firstEpoch && epoch % frequency === 0;
}

/**
 * Epochs that did not match, before an epoch.
 *
 * @param epoch  from 1
 */
export function plainEpochsBefore(
  config: Pick<Config, "defence" | "roclip">,
  epoch: number,
): number {
  const earlier = Array.from({ length: epoch - 1 }, (_, i) => i + 1);
  return earlier.filter((past) => !isMatchingEpoch(config, past)).length;
}

/**
 * Epochs that trained the text tower, before an epoch: all, or those that did not match.
 *
 * @param epoch  from 1
 */
export function textEpochsBefore(
  config: Pick<Config, "defence" | "roclip">,
  epoch: number,
): number {
  return config.roclip.textGradient === "re-encoded" ? epoch - 1 : plainEpochsBefore(config, epoch);
}

/**
 * The learning rate of a step: linear warm-up, then a half cosine from `lr` to 0.
 *
 *   lr · (step + 1) / warmup                                     step < warmup
 *   lr · ½ · (1 + cos(π · (step − warmup) / (total − warmup)))   otherwise
 *
 * where warmup = warmupSteps and total = epochs · stepsPerEpoch.
 *
 * With `scheduleOffset` the step is counted one epoch ahead, as in the authors' code: the first
 * epoch's warm-up is skipped, and in the last epoch the cosine has passed its end and rises again.
 *
 * @param config         epochs, lr, warmupSteps and scheduleOffset decide
 * @param step           from 0
 * @param stepsPerEpoch  at least 1
 */
export function learningRate(
  config: Pick<Config, "epochs" | "lr" | "warmupSteps" | "scheduleOffset">,
  step: number,
  stepsPerEpoch: number,
): number {
  const { epochs, lr, warmupSteps, scheduleOffset } = config;
  const at = scheduleOffset ? step + stepsPerEpoch : step;
  if (at < warmupSteps) return (lr * (at + 1)) / warmupSteps;
  // One step at least: with a warm-up that fills the run, the first step after it is at the peak.
  const fall = Math.max(1, epochs * stepsPerEpoch - warmupSteps);
  return lr * 0.5 * (1 + Math.cos((Math.PI * (at - warmupSteps)) / fall));
}

/**
 * Rows of the caption pool.
 *
 * @param poolSize  rows if ≥ 1, else a share of the data
 * @param pairs     training pairs
 * @returns         at least 1
 */
export function poolRows(poolSize: number, pairs: number): number {
  return rowsFor(poolSize, pairs);
}
