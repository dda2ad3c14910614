/** The roof: what this adapter does at most, measured by two kernels that do nothing else. */
import { type Cost, searchSpace, WORD_BYTES } from "../kernels/kernel.ts";
import { LANES, roofCopy, roofFma } from "../kernels/roof/roof.ts";
import type { Device } from "./device.ts";
import { launch, type Tensor } from "./graph.ts";
import { hold, release } from "./held.ts";
import { costOf } from "./outline.ts";
import { compile, type Plan, type PlanOptions } from "./plan.ts";
import { timeSteps } from "./profile.ts";
import type { Step } from "./steps.ts";

/** All the times that one kernel, size and choice of constants took. */
export interface Sample {
  readonly step: Step;
  readonly timesMs: readonly number[];
}

/** Times the one dispatch of a plan; `quick` where a few runs do. */
export type Timer = (plan: Plan, quick: boolean) => Promise<Sample>;

const GIGA_PER_S = 1e6; // of anything per ms
const MULTIPLY_ADDS = 4096; // of vec4 per thread: far more than it costs to start one
const FEWEST_THREADS = 4096; // enough to fill a CPU; a GPU takes more
const MOST_THREADS = 2 ** 21; // within WebGPU's 65535 workgroups
const LEAST_MS = 1; // beside which a dispatch's own overhead, some 15 µs, is little

/** What a step does per second when it takes `timeMs`: GFLOP/s and GB/s. */
export function ratesOf(step: Step, timeMs: number): { gflops: number; gbs: number } {
  const { flops, bytes } = costOf(step.dispatch, step.consts);
  return { gflops: flops / timeMs / GIGA_PER_S, gbs: bytes / timeMs / GIGA_PER_S };
}

/** A sample's fastest run: what the adapter can do when nothing else disturbs it. */
export const peakOf = ({ step, timesMs }: Sample) => ratesOf(step, Math.min(...timesMs));

const best = (samples: readonly Sample[], rate: "gflops" | "gbs") =>
  samples.reduce((a, b) => (peakOf(b)[rate] > peakOf(a)[rate] ? b : a));

/** Time the one dispatch that makes `y`. */
async function timeAlone(
  device: Device,
  y: Tensor,
  timer: Timer,
  quick: boolean,
  consts: PlanOptions["consts"] = () => ({}),
): Promise<Sample> {
  const plan = await compile(device, { outputs: { y } }, { consts });
  const sample = await timer(plan, quick);
  plan.destroy();
  return sample;
}

type Chains = { readonly CHAINS: number; readonly STEPS: number };

/** Multiply-adds: by as many threads as take a ms or more. */
async function timeFma(device: Device, options: Chains, timer: Timer): Promise<Sample> {
  const rounds = MULTIPLY_ADDS / (options.CHAINS * options.STEPS);
  const make = (threads: number) => {
    const params = { threads, rounds, factor: 0.75, term: 0.25 };
    return launch(roofFma, params, {}, { y: [threads] }, options).y;
  };
  let threads = FEWEST_THREADS;
  const fastest = async () =>
    Math.min(...(await timeAlone(device, make(threads), timer, true)).timesMs);
  while (threads < MOST_THREADS && (await fastest()) < LEAST_MS) threads *= 2;
  return timeAlone(device, make(threads), timer, false);
}

/** The sample of the variant of roof_fma that does most multiply-adds per second. */
export async function measureMultiplyAdds(device: Device, timer: Timer): Promise<Sample> {
  const { CHAINS, STEPS } = roofFma.options;
  const samples: Sample[] = [];
  for (const step of STEPS)
    for (const chains of CHAINS)
      samples.push(await timeFma(device, { CHAINS: chains, STEPS: step }, timer));
  return best(samples, "gflops");
}

/**
 * The sample of the choice of roof_copy's constants that moves most bytes per second.
 *
 * @param bytes  to copy: one way
 */
export async function measureCopy(device: Device, bytes: number, timer: Timer): Promise<Sample> {
  const elements = bytes / WORD_BYTES;
  const data = new Float32Array(elements).fill(1);
  const held = hold(device, { x: { shape: [elements], data } });
  const samples: Sample[] = [];
  for (const consts of searchSpace(roofCopy)) {
    const { y } = launch(roofCopy, { count: elements / LANES }, held, { y: [elements] });
    samples.push(await timeAlone(device, y, timer, false, () => consts));
  }
  release(device, held);
  return best(samples, "gbs");
}

/** Bytes of a copy, each way: what caches hold, what some hold, and what they do not. */
const COPIES = [2 ** 19, 2 ** 22, 2 ** 25];
const QUICK_RUNS = 5;

/**
 * The roof for dispatches of any size: a copy's speed depends on the cache that its operands fit,
 * so a dispatch is held against the copy nearest to it in bytes.
 *
 * @returns  a function from a dispatch's cost to the least time that the roof allows; ms
 */
export async function roofTimes(device: Device): Promise<(cost: Cost) => number> {
  const timer: Timer = async ({ steps: [step] }) => {
    await timeSteps(device, [step!]);
    const timesMs = await timeSteps(
      device,
      Array.from({ length: QUICK_RUNS }, () => step!),
    );
    return { step: step!, timesMs };
  };
  const { gflops } = peakOf(await measureMultiplyAdds(device, timer));
  const copies: { bytes: number; gbs: number }[] = [];
  for (const bytes of COPIES)
    copies.push({ bytes: 2 * bytes, gbs: peakOf(await measureCopy(device, bytes, timer)).gbs });
  return ({ flops, bytes }) => {
    const far = (copy: { bytes: number }) => Math.abs(Math.log(copy.bytes / Math.max(bytes, 1)));
    const { gbs } = copies.reduce((a, b) => (far(b) < far(a) ? b : a));
    return Math.max(flops / gflops, bytes / gbs) / GIGA_PER_S;
  };
}
