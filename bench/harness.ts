/** Timing: how a plan's dispatches become rows. */
import { Bench } from "tinybench";
import type { Tensor } from "../engine/graph.ts";
import type { Plan } from "../engine/plan.ts";
import type { Timing } from "../engine/profile.ts";
import { ratesOf, type Sample } from "../engine/roof.ts";
import type { Step } from "../engine/steps.ts";
import type { Access } from "../kernels/kernel.ts";

/** What the adapter can do at most, as measured (`roof.ts`). */
export interface Roof {
  readonly peakGflops: number;
  readonly peakGBs: number;
}

/** A kernel at one size with one choice of constants, as `--json` writes it. */
export interface Row {
  readonly kernel: string;
  /** The shapes of what is read → of what is written, in the order of the bindings. */
  readonly shape: string;
  readonly consts: Readonly<Record<string, number>>;
  readonly medianUs: number;
  readonly p10Us: number;
  readonly p90Us: number;
  readonly gflops: number;
  readonly gbs: number;
  /** The least time that the roof allows, as a share of the median; above 1 in a cache. */
  readonly roofShare: number;
}

const MS_PER_S = 1000;
const US_PER_MS = 1000;
const LEAST_RUNS = 5; // a median and two deciles need as many …
const PATIENCE = 10; // … but are not worth more than this many times the time asked for:
const FEWEST_RUNS = 2; // then these must do
const SETTLED = 0.95; // of the best time so far: a run that beats it shows that clocks still rise
const SETTLED_RUNS = 3; // in a row

/** The value below which a share `q` of the sorted values lies, linear between neighbours. */
export function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (at - Math.floor(at)) * (sorted[Math.ceil(at)]! - low);
}

/** Median, first and ninth decile of times in any order. */
export function deciles(times: readonly number[]): { p10: number; median: number; p90: number } {
  const sorted = [...times].sort((a, b) => a - b);
  return { p10: quantile(sorted, 0.1), median: quantile(sorted, 0.5), p90: quantile(sorted, 0.9) };
}

/**
 * Run until three runs in a row are no faster than those before, or the time is up.
 *
 * @returns  the time of the last run; ms
 */
async function warmUp(run: () => Promise<number>, seconds: number): Promise<number> {
  const end = performance.now() + seconds * MS_PER_S;
  let best = Number.POSITIVE_INFINITY;
  for (let settled = 0; ; ) {
    const timeMs = await run();
    settled = timeMs > SETTLED * best ? settled + 1 : 0;
    best = Math.min(best, timeMs);
    if (settled === SETTLED_RUNS || performance.now() > end) return timeMs;
  }
}

/**
 * Warm up, then repeat.
 *
 * @param run      does the work once and says how long it took; ms
 * @param seconds  how long to repeat by wall clock, and at most half of it to warm up; five runs
 *                 at least, but two if they would take ten times as long
 * @returns        what each run said; ms
 */
export async function repeat(run: () => Promise<number>, seconds: number): Promise<number[]> {
  const lastMs = await warmUp(run, seconds / 2);
  const timesMs: number[] = [];
  const time = seconds * MS_PER_S;
  const patient = Math.max(Math.floor((PATIENCE * time) / lastMs), FEWEST_RUNS);
  const iterations = Math.min(LEAST_RUNS, patient);
  const bench = new Bench({ time, iterations, warmup: false, throws: true });
  const timed = async () => {
    const start = performance.now();
    const overriddenDuration = await run();
    timesMs.push(overriddenDuration);
    return { overriddenDuration, overriddenIterationCost: performance.now() - start };
  };
  bench.add("run", timed, { async: true });
  await bench.run();
  return timesMs;
}

const textOf = ({ shape }: Tensor) => shape.join("×") || "1";

/** The shapes of the tensors that a step reads and writes: `64×50×768 768 768 → 64×50×768`. */
function shapeOf({ dispatch: { kernel, reads, writes } }: Step): string {
  const bindings = Object.entries(kernel.bindings);
  const list = (tensors: Step["dispatch"]["reads"], unlike: Access) => {
    const bound = bindings.flatMap(([name, a]) => (a === unlike ? [] : [tensors[name]!]));
    const present = bound.filter(({ storage }) => storage.elements > 0); // z of matmul may be empty
    return [...new Set(present)].map(textOf); // what stands in for an absent operand is bound twice
  };
  return [...list(reads, "write"), "→", ...list(writes, "read")].join(" ");
}

/** The integer parameters of a step: how much work it is, and where in its operands. */
export function sizesOf({ dispatch: { kernel, params } }: Step): Record<string, number> {
  return Object.fromEntries(
    Object.entries(params).filter(([name]) => kernel.params[name] !== "f32"),
  );
}

/** What tells the steps of a plan apart. */
const keyOf = (step: Step) => [step.label, shapeOf(step), JSON.stringify(sizesOf(step))].join(" ");

/** What one plan's dispatches took. */
export interface PlanTimes {
  /** For each distinct dispatch, in the plan's order. */
  readonly samples: readonly Sample[];
  /** All dispatches of each run together; ms. */
  readonly totalsMs: readonly number[];
}

const total = (run: readonly Timing[]) => run.reduce((sum, { timeMs }) => sum + timeMs, 0);

function timesOf(runs: readonly (readonly Timing[])[]): PlanTimes {
  const samples = new Map<string, { step: Step; timesMs: number[] }>();
  for (const { step, timeMs } of runs.flat()) {
    const key = keyOf(step);
    const sample = samples.get(key) ?? { step, timesMs: [] };
    samples.set(key, sample);
    sample.timesMs.push(timeMs);
  }
  return { samples: [...samples.values()], totalsMs: runs.map(total) };
}

/**
 * Time every dispatch of some plans by the GPU's clock, the plans in turns.
 *
 * @param seconds  how long to repeat, for each distinct dispatch
 */
export async function timePlans(plans: readonly Plan[], seconds: number): Promise<PlanTimes[]> {
  const rounds: Timing[][][] = [];
  const run = async () => {
    const round: Timing[][] = [];
    for (const plan of plans) round.push(await plan.profile());
    rounds.push(round);
    return total(round.flat());
  };
  const distinct = new Set(plans.flatMap(({ steps }) => steps.map(keyOf))).size;
  const counted = (await repeat(run, seconds * distinct)).length;
  const warm = rounds.slice(-counted);
  return plans.map((_, i) => timesOf(warm.map((round) => round[i]!)));
}

/** A sample as a row under a roof. */
export function rowOf({ step, timesMs }: Sample, { peakGflops, peakGBs }: Roof): Row {
  const { p10, median, p90 } = deciles(timesMs);
  const { gflops, gbs } = ratesOf(step, median);
  return {
    kernel: step.dispatch.kernel.name,
    shape: shapeOf(step),
    consts: step.consts,
    medianUs: median * US_PER_MS,
    p10Us: p10 * US_PER_MS,
    p90Us: p90 * US_PER_MS,
    gflops,
    gbs,
    roofShare: Math.max(gflops / peakGflops, gbs / peakGBs),
  };
}
