/** The roof: what this adapter does at most, measured by two kernels that do nothing else. */
import { type Device, hold, release } from "../engine/device.ts";
import { launch, type Tensor } from "../engine/graph.ts";
import { compile, type PlanOptions } from "../engine/plan.ts";
import { searchSpace, WORD_BYTES } from "../kernels/kernel.ts";
import { type Roof, ratesOf, type Sample, timePlans } from "./harness.ts";
import { LANES, roofCopy, roofFma } from "./roof/kernels.ts";

/** The roof, and the samples it was read from: multiply-adds, copy. */
export interface MeasuredRoof extends Roof {
  readonly samples: readonly Sample[];
}

const MULTIPLY_ADDS = 4096; // of vec4 per thread: far more than it costs to start one
const FEWEST_THREADS = 4096; // enough to fill a CPU; a GPU takes more
const MOST_THREADS = 2 ** 21; // within WebGPU's 65535 workgroups
const LEAST_MS = 1; // beside which a dispatch's own overhead, some 15 µs, is little
const COPY_BYTES = 64 * 2 ** 20; // each way: beyond most caches, within WebGPU's least limits

/** A sample's fastest run: what the adapter can do when nothing else disturbs it. */
const peak = ({ step, timesMs }: Sample) => ratesOf(step, Math.min(...timesMs));

/** Time the one dispatch that makes `y`. */
async function time(device: Device, y: Tensor, seconds: number, consts?: PlanOptions["consts"]) {
  const plan = await compile(device, { outputs: { y } }, consts ? { consts } : {});
  const [times] = await timePlans([plan], seconds);
  plan.destroy();
  return times!.samples[0]!;
}

type Chains = { readonly CHAINS: number; readonly STEPS: number };

/** Multiply-adds: by as many threads as take a ms or more. */
async function timeFma(device: Device, options: Chains, seconds: number): Promise<Sample> {
  const rounds = MULTIPLY_ADDS / (options.CHAINS * options.STEPS);
  const make = (threads: number) => {
    const params = { threads, rounds, factor: 0.75, term: 0.25 };
    return launch(roofFma, params, {}, { y: [threads] }, options).y;
  };
  let threads = FEWEST_THREADS;
  const fastest = async () => Math.min(...(await time(device, make(threads), 0)).timesMs);
  while (threads < MOST_THREADS && (await fastest()) < LEAST_MS) threads *= 2;
  return time(device, make(threads), seconds);
}

/** Copies with every choice of constants. */
async function timeCopies(device: Device, seconds: number): Promise<Sample[]> {
  const elements = COPY_BYTES / WORD_BYTES;
  const data = new Float32Array(elements).fill(1);
  const held = hold(device, { x: { shape: [elements], data } });
  const params = { count: elements / LANES };
  const samples: Sample[] = [];
  for (const consts of searchSpace(roofCopy)) {
    const { y } = launch(roofCopy, params, held, { y: [elements] });
    samples.push(await time(device, y, seconds, () => consts));
  }
  release(device, held);
  return samples;
}

/**
 * Measure the roof of a device.
 *
 * @param seconds  how long to repeat each of the dozen variants
 */
export async function measureRoof(device: Device, seconds: number): Promise<MeasuredRoof> {
  const best = (samples: readonly Sample[], rate: "gflops" | "gbs") =>
    samples.reduce((a, b) => (peak(b)[rate] > peak(a)[rate] ? b : a));
  const { CHAINS, STEPS } = roofFma.options;
  const variants = STEPS.flatMap((s) => CHAINS.map((c): Chains => ({ CHAINS: c, STEPS: s })));
  const fmas: Sample[] = [];
  for (const options of variants) fmas.push(await timeFma(device, options, seconds));
  const fma = best(fmas, "gflops");
  const copy = best(await timeCopies(device, seconds), "gbs");
  return { peakGflops: peak(fma).gflops, peakGBs: peak(copy).gbs, samples: [fma, copy] };
}
