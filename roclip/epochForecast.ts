/**
 * How long an epoch might take: the least time that a roof allows for every dispatch of a step,
 * over the share of this adapter's own roof that a small model of the same kind reached here.
 */
import {
  compile,
  type Device,
  type Outline,
  outline,
  release,
  roofTimes,
} from "../engine/index.ts";
import { parseConfig } from "./config.ts";
import { batchInputs, inputsFor } from "./inputs.ts";
import { holdState, initState } from "./model.ts";
import { noiseBatch } from "./noise.ts";
import type { Config } from "./schema.ts";
import { trainingStep } from "./step.ts";

/** What a device does at most. */
export interface Roof {
  readonly gflops: number;
  readonly gbs: number;
}

type Cost = Outline["costs"][number];

const GIGA_PER_MS = 1e6;

/** The least time of a dispatch under a roof; ms. */
export const leastMsUnder =
  ({ gflops, gbs }: Roof) =>
  ({ flops, bytes }: Cost): number =>
    Math.max(flops / gflops, bytes / gbs) / GIGA_PER_MS;

/** What was measured of this adapter. */
export interface Reached {
  /** The least time that its roof allows for a dispatch; ms. */
  readonly leastMsOf: (cost: Cost) => number;
  /** The least time of the probe's step over the time it took. */
  readonly share: number;
  /** The probe, in words. */
  readonly probe: string;
}

const BATCH = 16;
const PAIRS = 64;
const RUNS = 5; // the fastest counts: other work on the machine only ever adds time

/** A small model with the same kind of image tower. */
function probeOf({ model }: Config): { config: Config; probe: string } {
  const tiny = model !== "small" && Array.isArray(model.vision_cfg.layers) ? "RN" : "ViT";
  const name = model === "small" ? "small" : `${tiny}-tiny-64px`;
  const config = parseConfig({ model: name, defence: "clip", batch: BATCH });
  return { config, probe: `${name}, batch ${BATCH}` };
}

/** Measure this adapter's roof, and what share of it a small model's plain step reaches. */
export async function measureShare(device: Device, config: Config): Promise<Reached> {
  const { config: small, probe } = probeOf(config);
  const state = holdState(device, initState(small, small.vocabularySize, PAIRS));
  const { loss, state: updates } = trainingStep(small, state, batchInputs(small, "plain"), "plain");
  const program = { outputs: { loss }, updates };
  const plan = await compile(device, program);
  plan.run(inputsFor(plan, noiseBatch(small, "plain", PAIRS)));
  const done = () => device.until(device.gpu.queue.onSubmittedWorkDone());
  await done();
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const begun = performance.now();
    plan.run();
    await done();
    times.push(performance.now() - begun);
  }
  plan.destroy();
  release(device, state);
  const leastMsOf = await roofTimes(device);
  const leastMs = outline(program).costs.reduce((sum, cost) => sum + leastMsOf(cost), 0);
  return { leastMsOf, share: leastMs / Math.min(...times), probe };
}

/**
 * Forecast seconds of an epoch.
 *
 * @param costs      of the dispatches of a step
 * @param leastMsOf  the roof's least time for a dispatch
 * @param share      of the roof that steps reach
 */
export function epochSeconds(
  costs: readonly Cost[],
  leastMsOf: (cost: Cost) => number,
  { steps, share }: { readonly steps: number; readonly share: number },
): number {
  const leastMs = costs.reduce((sum, cost) => sum + leastMsOf(cost), 0);
  return (steps * leastMs) / share / 1000;
}
