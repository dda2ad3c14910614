/** Tuning the kernels of a configuration's training steps, and what it gains. */
import {
  compile,
  type Device,
  gainOf,
  hold,
  keepTuned,
  median,
  type Pair,
  type Plan,
  type PlanOptions,
  release,
  type Tuned,
  type TuneOptions,
  tune,
} from "../engine/index.ts";
import { batchInputs, inputsFor } from "./inputs.ts";
import { needsCaptions } from "./match.ts";
import { holdState, initState } from "./model.ts";
import { noiseBatch, noiseCaptions } from "./noise.ts";
import { type StepKind, stepKinds } from "./schedule.ts";
import type { Config } from "./schema.ts";
import { requirePool } from "./session.ts";
import { trainingStep } from "./step.ts";

/** A kind of step by default constants and by tuned ones, in turns; medians. */
export interface StepGain {
  readonly step: StepKind;
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Median of before / after, pair by pair, and what the middle half of the pairs spans. */
  readonly gain: number;
  readonly spread: readonly [number, number];
}

/** What came of tuning a configuration. */
export interface TunedSteps extends Tuned {
  readonly steps: readonly StepGain[];
  /** Where the tunings are kept. */
  readonly path: string;
}

const WARM_UPS = 2; // the first runs of a pipeline include its compilation
const LEAST_TURNS = 5;
const TURNS_MS = 6000; // of each kind of step

async function runMs(device: Device, plan: Plan): Promise<number> {
  const begun = performance.now();
  plan.run();
  await device.until(device.gpu.queue.onSubmittedWorkDone());
  return performance.now() - begun;
}

/** Time two plans in turns, each first in every other. */
async function compare(device: Device, before: Plan, after: Plan): Promise<Omit<StepGain, "step">> {
  const pairs: Pair[] = [];
  const pair = async (swap: boolean): Promise<Pair> => {
    const early = swap ? await runMs(device, after) : 0;
    const usual = await runMs(device, before);
    return { usual, other: swap ? early : await runMs(device, after) };
  };
  for (let turn = 0; turn < WARM_UPS; turn++) await pair(false);
  const begun = performance.now();
  while (pairs.length < LEAST_TURNS || performance.now() - begun < TURNS_MS)
    pairs.push(await pair(pairs.length % 2 === 1));
  const beforeMs = median(pairs.map(({ usual }) => usual));
  const afterMs = median(pairs.map(({ other }) => other));
  const ratios = pairs.map(({ usual, other }) => usual / other).sort((a, b) => a - b);
  const quarter = Math.floor(ratios.length / 4);
  const spread = [ratios[quarter]!, ratios.at(-1 - quarter)!] as const;
  return { beforeMs, afterMs, gain: gainOf(pairs), spread };
}

/**
 * Tune the steps that a configuration has, of every kind, on a state of their own; keep
 * what was found, and measure what it gains.
 *
 * @param pairs  training pairs, which a pool's size may be a share of
 * @throws       UserError when the pool is smaller than a batch
 */
export async function tuneSteps(
  device: Device,
  config: Config,
  pairs: number,
  options: TuneOptions,
): Promise<TunedSteps> {
  requirePool(config, pairs);
  const full: Config = { ...config, roclip: { ...config.roclip, poolStart: "noise" } };
  const state = holdState(device, initState(full, config.vocabularySize, pairs));
  const captions = needsCaptions(config) ? hold(device, noiseCaptions(config, pairs)) : undefined;
  const kinds = stepKinds(config);
  const planOf = async (kind: StepKind, choice: PlanOptions) => {
    const batch = batchInputs(config, kind, captions);
    const { state: updates, loss } = trainingStep(full, state, batch, kind);
    const plan = await compile(device, { outputs: { loss }, updates }, choice);
    plan.run(inputsFor(plan, noiseBatch(config, kind, pairs)));
    return plan;
  };
  const before: Plan[] = [];
  for (const kind of kinds) before.push(await planOf(kind, { consts: () => ({}) }));
  const tuned = await tune(device, before, options);
  const path = await keepTuned(device, tuned.tunings);
  const steps: StepGain[] = [];
  for (const [i, kind] of kinds.entries()) {
    const after = await planOf(kind, {});
    const times = await compare(device, before[i]!, after);
    steps.push({ step: kind, ...times });
    after.destroy();
  }
  for (const plan of before) plan.destroy();
  release(device, { state, ...captions });
  return { ...tuned, steps, path };
}
