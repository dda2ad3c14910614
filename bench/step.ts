/** A training step of the demonstration: its kernels, and the time that is not the kernels'. */
import type { Device } from "../engine/device.ts";
import type { HostData } from "../engine/graph.ts";
import { release } from "../engine/held.ts";
import { compile, type Plan } from "../engine/plan.ts";
import type { Sample } from "../engine/roof.ts";
import { encode } from "../engine/steps.ts";
import { type Config, parseConfig } from "../roclip/config.ts";
import { DEMO } from "../roclip/configs/demo.ts";
import { batchInputs, inputsFor } from "../roclip/inputs.ts";
import { type HeldState, holdState, initState } from "../roclip/model.ts";
import { noiseBatch } from "../roclip/noise.ts";
import type { StepKind } from "../roclip/schedule.ts";
import { trainingStep } from "../roclip/step.ts";
import { deciles, repeat, timePlans } from "./harness.ts";

/** What a step takes beside its kernels. */
export interface StepTimes {
  readonly dispatches: number;
  /** Each dispatch in a pass of its own, added up. */
  readonly kernelsMs: number;
  /** From the call of `run` without inputs to its return, and the same of a bare loop. */
  readonly jsUsPerDispatch: number;
  readonly bareUsPerDispatch: number;
  /** The former over the latter, round by round: what slows the machine slows both. */
  readonly jsRatio: number;
  /** `run` with a batch's inputs over `run` without. */
  readonly uploadMs: number;
  /** From the loss being ready on the device to its being a number here. */
  readonly readMs: number;
  /** A step among many, each loss read one step behind, as in training. */
  readonly wallMs: number;
  /** Share of that in which the queue had nothing to do: 1 − (step alone) / (step among many). */
  readonly idleShare: number;
  readonly peakBytes: number;
  readonly boundBytes: number;
}

/** A step's kernels and times. */
export interface MeasuredStep {
  readonly samples: readonly Sample[];
  readonly times: StepTimes;
}

const PAIRS = 5000; // about as many as the demonstration trains on

const median = (times: readonly number[]) => deciles(times).median;
const sinceMs = (start: number) => performance.now() - start;

/** Times of some runs on this side of the queue, which is empty before each, in turns; ms. */
async function timeHost(device: Device, seconds: number, runs: readonly (() => void)[]) {
  const times = runs.map((): number[] => []);
  const round = async () => {
    for (const [i, run] of runs.entries()) {
      const start = performance.now();
      run();
      times[i]!.push(sinceMs(start));
      await device.until(device.gpu.queue.onSubmittedWorkDone());
    }
    return times.reduce((sum, own) => sum + own.at(-1)!, 0);
  };
  await repeat(round, seconds * runs.length);
  return times;
}

/** What replays the same dispatches and does nothing else. */
function bareLoop({ gpu }: Device, { steps }: Plan): () => void {
  return () => {
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass, steps);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  };
}

/** A step alone, and the read of its loss; ms. */
async function timeAlone(device: Device, plan: Plan, seconds: number) {
  const reads: number[] = [];
  const once = async () => {
    const start = performance.now();
    plan.run();
    await device.until(device.gpu.queue.onSubmittedWorkDone());
    const done = performance.now();
    await plan.read("loss");
    reads.push(sinceMs(done));
    return done - start;
  };
  const stepMs = median(await repeat(once, seconds));
  return { stepMs, readMs: median(reads) };
}

type Inputs = Record<string, HostData>;

/** Steps as in training: inputs uploaded, the loss read one step behind; ms each. */
async function timeMany(plan: Plan, inputs: Inputs, seconds: number) {
  let behind: Promise<unknown> = Promise.resolve();
  let last = performance.now();
  const once = async () => {
    plan.run(inputs);
    const read = plan.read("loss");
    await behind;
    behind = read;
    const now = performance.now();
    const took = now - last;
    last = now;
    return took;
  };
  const times = await repeat(once, seconds);
  await behind;
  return median(times);
}

async function measure(device: Device, plan: Plan, inputs: Inputs, seconds: number) {
  plan.run(inputs);
  const [kernels] = await timePlans([plan], seconds / plan.steps.length);
  const runs = [bareLoop(device, plan), () => plan.run(), () => plan.run(inputs)];
  const host = await timeHost(device, seconds, runs);
  const [bareMs, replayMs, uploadingMs] = host.map(median);
  const { stepMs, readMs } = await timeAlone(device, plan, seconds);
  const wallMs = await timeMany(plan, inputs, seconds);
  const usPerDispatch = (ms: number) => (1000 * ms) / plan.steps.length;
  const times: StepTimes = {
    dispatches: plan.steps.length,
    kernelsMs: median(kernels!.totalsMs),
    jsUsPerDispatch: usPerDispatch(replayMs!),
    bareUsPerDispatch: usPerDispatch(bareMs!),
    jsRatio: median(host[1]!.map((ms, round) => ms / host[0]![round]!)),
    uploadMs: Math.max(uploadingMs! - replayMs!, 0),
    readMs,
    wallMs,
    idleShare: Math.max(1 - stepMs / wallMs, 0),
    peakBytes: plan.memory.peakBytes,
    boundBytes: plan.memory.boundBytes,
  };
  return { samples: kernels!.samples, times };
}

/** The demonstration, with a pool that is full before the first step. */
export const STEP_CONFIG: Config = parseConfig({
  ...DEMO,
  roclip: { ...DEMO.roclip, poolStart: "noise" },
});

/** Do something with the plan of a step and a batch of noise. */
async function withPlan<T>(
  device: Device,
  config: Config,
  kind: StepKind,
  work: (plan: Plan, inputs: Inputs) => Promise<T>,
): Promise<T> {
  const state: HeldState = holdState(device, initState(config, config.vocabularySize, PAIRS));
  const step = trainingStep(config, state, batchInputs(config, kind), kind);
  const plan = await compile(device, { outputs: { loss: step.loss }, updates: step.state });
  try {
    return await work(plan, inputsFor(plan, noiseBatch(config, kind, PAIRS)));
  } finally {
    plan.destroy();
    release(device, state);
  }
}

/**
 * Measure a step, plain or matching, on noise.
 *
 * @param seconds  how long to repeat each of the six measurements
 */
export function measureStep(
  device: Device,
  config: Config,
  kind: StepKind,
  seconds: number,
): Promise<MeasuredStep> {
  return withPlan(device, config, kind, (plan, inputs) => measure(device, plan, inputs, seconds));
}

/** A step alone, and the memory of its plan. */
export interface StepCost {
  readonly ms: number;
  readonly peakBytes: number;
  readonly boundBytes: number;
}

/**
 * Measure a matching step alone, without the table of its kernels.
 *
 * @param seconds  how long to repeat
 */
export async function measureStepAlone(
  device: Device,
  config: Config,
  seconds: number,
): Promise<StepCost> {
  return withPlan(device, config, "matching", async (plan, inputs) => {
    plan.run(inputs);
    const { stepMs: ms } = await timeAlone(device, plan, seconds);
    const { peakBytes, boundBytes } = plan.memory;
    return { ms, peakBytes, boundBytes };
  });
}
