/** Which batches fit a memory. */
import { AT_LEAST, memoryOf, type Occasion, stepCosts } from "./planning.ts";
import type { Config } from "./schema.ts";

/** The largest batch that fits a memory at once. */
export interface Room {
  /** Bytes. */
  readonly budget: number;
  /** 0: all activations kept; 1: those of all blocks computed again. */
  readonly recompute: 0 | 1;
  /** Undefined where no batch of two or more does. */
  readonly batch?: number;
  /** What a run with it takes, at least: as laid out, up to a few per cent more. */
  readonly bytes?: number;
}

/** The batch and its halves, as far as they are whole. */
function halvesOf(batch: number): number[] {
  return batch % 2 === 0 && batch > 2 ? [batch, ...halvesOf(batch / 2)] : [batch];
}

/** For each memory the largest of the batch and its halves that fits, all at once. */
export function roomsIn(
  config: Config,
  budgets: readonly number[],
  occasion: Occasion,
): readonly Room[] {
  return ([0, 1] as const).flatMap((recompute) => {
    const takes = halvesOf(config.batch).map((batch) => {
      const at = { ...config, batch, recompute, microBatch: 0 };
      return { batch, bytes: memoryOf(at, occasion, AT_LEAST).total };
    });
    return budgets.map((budget) => {
      const found = takes.find(({ bytes }) => bytes <= budget);
      return { budget, recompute, ...found };
    });
  });
}

/** Arithmetic of one step of each kind with a configuration, over that with all kept, less 1. */
export function extraFlops(config: Config, occasion: Occasion): number {
  const flopsOf = (own: Config) =>
    stepCosts(own, occasion)
      .flatMap(({ costs }) => costs)
      .reduce((sum, { flops }) => sum + flops, 0);
  return flopsOf(config) / flopsOf({ ...config, recompute: 0, microBatch: 0 }) - 1;
}
