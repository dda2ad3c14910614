/** Tuning the kernels of a configuration's training steps, and what it gains. */
import {
  compile,
  type Device,
  hold,
  keepTuned,
  type Plan,
  type PlanOptions,
  release,
  type Tuned,
  type TuneOptions,
  tune,
} from "../engine/index.ts";
import { initState } from "./model.ts";
import { noiseBatch } from "./noise.ts";
import { plainEpochsBefore } from "./schedule.ts";
import type { Config } from "./schema.ts";
import { batchInputs, inputsFor, requirePool } from "./session.ts";
import { trainingStep } from "./step.ts";

/** A kind of step by default constants and by tuned ones; medians of runs in turns. */
export interface StepGain {
  readonly step: "plain" | "matching";
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** What came of tuning a configuration. */
export interface TunedSteps extends Tuned {
  readonly steps: readonly StepGain[];
  /** Where the tunings are kept. */
  readonly path: string;
}

const WARM_UPS = 2; // the first runs of a pipeline include its compilation
const TURNS = 15;

async function runMs(device: Device, plan: Plan): Promise<number> {
  const begun = performance.now();
  plan.run();
  await device.until(device.gpu.queue.onSubmittedWorkDone());
  return performance.now() - begun;
}

const middle = (times: readonly number[]) => [...times].sort((a, b) => a - b)[times.length >> 1]!;

/** Time two plans in turns, each first in every other. */
async function compare(device: Device, before: Plan, after: Plan): Promise<[number, number]> {
  const times = new Map<Plan, number[]>([before, after].map((plan) => [plan, []]));
  for (let turn = -WARM_UPS; turn < TURNS; turn++)
    for (const plan of turn % 2 ? [after, before] : [before, after]) {
      const ms = await runMs(device, plan);
      if (turn >= 0) times.get(plan)!.push(ms);
    }
  return [middle(times.get(before)!), middle(times.get(after)!)];
}

/**
 * Tune a configuration's plain step, and its matching step if it has one, on a state of their own;
 * keep what was found, and measure what it gains.
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
  const state = hold(device, initState(full, config.vocabularySize, pairs));
  const inputs = noiseBatch(config, pairs);
  const matches = plainEpochsBefore(config, config.epochs + 1) < config.epochs;
  const kinds = matches ? [false, true] : [false];
  const planOf = async (matching: boolean, choice: PlanOptions) => {
    const { state: updates, loss } = trainingStep(full, state, batchInputs(config), matching);
    const plan = await compile(device, { outputs: { loss }, updates }, choice);
    plan.run(inputsFor(plan, inputs));
    return plan;
  };
  const before: Plan[] = [];
  for (const matching of kinds) before.push(await planOf(matching, { consts: () => ({}) }));
  const tuned = await tune(device, before, options);
  const path = await keepTuned(device, tuned.tunings);
  const steps: StepGain[] = [];
  for (const [i, matching] of kinds.entries()) {
    const after = await planOf(matching, {});
    const [beforeMs, afterMs] = await compare(device, before[i]!, after);
    steps.push({ step: matching ? "matching" : "plain", beforeMs, afterMs });
    after.destroy();
  }
  for (const plan of before) plan.destroy();
  release(device, state);
  return { ...tuned, steps, path };
}
