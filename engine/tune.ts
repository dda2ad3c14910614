/**
 * The tuner: for each kernel and class of shapes in some plans, the constants that are measured to
 * be fastest here.
 *
 * A class's first dispatch stands for it, over the plan's own buffers. Candidates run in pairs with
 * the default, the order turned from pair to pair, so that what disturbs one disturbs the other. A
 * challenger replaces the default when it was fastest of all and then, in pairs of their own, its
 * median gain is at least LEAST_GAIN and most of the pairs agree.
 */
import type { Device, Tuning } from "./device.ts";
import { costOf } from "./outline.ts";
import type { Plan } from "./plan.ts";
import { timeSteps } from "./profile.ts";
import { roofTimes } from "./roof.ts";
import { type Step, withConsts } from "./steps.ts";
import { candidatesOf, defaultConsts, shapeClass, sourceHash } from "./tuned.ts";

type Consts = Readonly<Record<string, number>>;

/** How some plans are tuned. */
export interface TuneOptions {
  /** Only choices that give the same bits as the default. */
  readonly sameBits?: boolean;
  /** Asked before each candidate; once false, the tuner ends with what it has. */
  readonly goOn?: () => boolean;
  readonly onProgress?: (progress: TuneProgress) => void;
}

/** Where the tuner is. */
export interface TuneProgress {
  readonly done: number;
  readonly of: number;
  readonly shape: string;
  /** Time of the default over that of the best so far. */
  readonly gain: number;
}

/** What came of one class of shapes. */
export interface TuneRow {
  readonly kernel: string;
  /** The class of shapes, with the kernel's name (`shapeClass`). */
  readonly shape: string;
  /** Of the plans' time, by the default constants. */
  readonly timeShare: number;
  readonly usual: Consts;
  readonly chosen: Consts;
  /** Time of the default over that of the choice, median of pairs; 1 where the default stays. */
  readonly gain: number;
  /** The least time that the roof allows, as a share of the choice's. */
  readonly roofShare: number;
  /** Candidates measured, of how many there are; fewer near the roof, or when time was up. */
  readonly tried: number;
  readonly candidates: number;
  /** Whether the choice sums in another order than the default, so that last bits may differ. */
  readonly reorders: boolean;
}

/** What came of some plans. */
export interface Tuned {
  /** Slowest class first. */
  readonly rows: readonly TuneRow[];
  /** Classes that were not begun with, and those too small to matter. */
  readonly unreached: number;
  readonly negligible: number;
  /** For `keepTuned`. */
  readonly tunings: Readonly<Record<string, Tuning>>;
}

/** Times of a default and a challenger, one right after the other; ms. */
export interface Pair {
  readonly usual: number;
  readonly other: number;
}

const NEGLIGIBLE = 0.01; // of the plans' time: what a class must have at least
const NEAR_ROOF = 0.85; // of the roof's speed: what comes so near is not improved further
const LEAST_GAIN = 1.05; // what a challenger must be faster by
const MOST = 0.75; // share of pairs that must agree that it is faster
const SCREENING_MS = 25; // of each candidate: as many pairs as take so long …
const SCREENING = { least: 4, most: 20 }; // … within these
const CONFIRMING = 3; // times as many pairs for the fastest challenger
const PROFILES = 3; // runs that tell each class's share of the time

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const last = sorted.length - 1;
  return (sorted[Math.floor(last / 2)]! + sorted[Math.ceil(last / 2)]!) / 2;
}

/** Time of the default over that of the challenger: the median of pairs. */
export const gainOf = (pairs: readonly Pair[]) =>
  median(pairs.map(({ usual, other }) => usual / other));

/** Whether a challenger is clearly faster: by its median gain, and in most of the pairs. */
export function clearlyFaster(pairs: readonly Pair[]): boolean {
  const faster = pairs.filter(({ usual, other }) => other < usual).length;
  return gainOf(pairs) >= LEAST_GAIN && faster >= MOST * pairs.length;
}

/** How a challenger is measured: as often as told, in pairs with the default. */
export interface Contest {
  /** Candidates but for the default. */
  readonly challengers: readonly Consts[];
  /** The default's time, and the least that the roof allows; ms. */
  readonly usualMs: number;
  readonly leastMs: number;
  /** Undefined where the challenger does not run here. */
  measure(challenger: Consts, pairs: number): Promise<readonly Pair[] | undefined>;
  /** Told after each challenger; whether to go on. */
  goOn(gain: number): boolean;
}

/** What came of a contest; `chosen` is undefined where the default stays. */
export interface Verdict {
  readonly chosen: Consts | undefined;
  readonly gain: number;
  readonly tried: number;
}

/** Choose between a default and its challengers. */
export async function decide(contest: Contest): Promise<Verdict> {
  const { challengers, usualMs, leastMs } = contest;
  const near = (ms: number) => leastMs >= NEAR_ROOF * ms;
  const { least, most } = SCREENING;
  const pairs = Math.min(Math.max(Math.ceil(SCREENING_MS / usualMs), least), most);
  let fastest: { consts: Consts; gain: number } | undefined;
  let tried = 0;
  for (const consts of near(usualMs) ? [] : challengers) {
    if (!contest.goOn(fastest?.gain ?? 1)) break;
    const measured = await contest.measure(consts, pairs);
    tried++;
    const gain = measured ? gainOf(measured) : 0;
    if (gain > (fastest?.gain ?? 1)) fastest = { consts, gain };
    if (near(usualMs / gain)) break;
  }
  const stays = { chosen: undefined, gain: 1, tried };
  if (!fastest || fastest.gain < LEAST_GAIN) return stays;
  const again = await contest.measure(fastest.consts, CONFIRMING * pairs);
  if (!again || !clearlyFaster(again)) return stays;
  return { chosen: fastest.consts, gain: gainOf(again), tried };
}

/** Run a default and a challenger in pairs, each first in every other pair. */
async function inPairs(device: Device, usual: Step, other: Step, count: number): Promise<Pair[]> {
  await timeSteps(device, [usual, other]); // the first run of a pipeline may include compiling it
  const order = Array.from({ length: count }, (_, i) => (i % 2 ? [other, usual] : [usual, other]));
  const times = await timeSteps(device, order.flat());
  return order.map((_, i) => {
    const [first, second] = [times[2 * i]!, times[2 * i + 1]!];
    return i % 2 ? { usual: second, other: first } : { usual: first, other: second };
  });
}

/** A class of shapes with the step that stands for it. */
interface Job {
  readonly shape: string;
  readonly step: Step;
  readonly totalMs: number;
}

/** The classes of shapes in some plans, slowest first. */
async function jobsOf(device: Device, plans: readonly Plan[]): Promise<Job[]> {
  const jobs = new Map<string, Job>();
  for (const { steps } of plans) {
    const runs: number[][] = [];
    await timeSteps(device, steps);
    for (let run = 0; run < PROFILES; run++) runs.push(await timeSteps(device, steps));
    steps.forEach((step, i) => {
      const shape = shapeClass(step.dispatch);
      const known = jobs.get(shape);
      const totalMs = (known?.totalMs ?? 0) + median(runs.map((times) => times[i]!));
      jobs.set(shape, { shape, step: known?.step ?? step, totalMs });
    });
  }
  return [...jobs.values()].sort((a, b) => b.totalMs - a.totalMs);
}

const sameOrder = ({ reorders = [] }: Step["dispatch"]["kernel"], a: Consts, b: Consts) =>
  reorders.every((name) => a[name] === b[name]);

/** Tune one class of shapes. */
async function tuneJob(
  device: Device,
  { shape, step }: Job,
  leastMs: number,
  sameBits: boolean,
  goOn: (gain: number) => boolean,
): Promise<Omit<TuneRow, "timeShare">> {
  const { kernel } = step.dispatch;
  const usual = defaultConsts(step.dispatch);
  const all = candidatesOf(step.dispatch);
  const challengers = all.slice(1).filter((c) => !sameBits || sameOrder(kernel, usual, c));
  const warm = await timeSteps(
    device,
    Array.from({ length: SCREENING.least + 1 }, () => step),
  );
  const usualMs = median(warm.slice(1));
  const measure = async (challenger: Consts, pairs: number) => {
    const other = await withConsts(device, step, challenger).catch(() => undefined);
    return other && inPairs(device, step, other, pairs);
  };
  const verdict = await decide({ challengers, usualMs, leastMs, measure, goOn });
  const chosen = verdict.chosen ?? usual;
  return {
    kernel: kernel.name,
    shape,
    usual,
    chosen,
    gain: verdict.gain,
    roofShare: (leastMs / usualMs) * verdict.gain,
    tried: verdict.tried + 1,
    candidates: challengers.length + 1,
    reorders: !sameOrder(kernel, usual, chosen),
  };
}

/**
 * Tune the kernels of some plans, those that take longest first.
 *
 * @param plans  with default constants (`consts: () => ({})`), run once with real inputs; their
 *               state is not worth anything afterwards
 */
export async function tune(
  device: Device,
  plans: readonly Plan[],
  { sameBits = false, goOn = () => true, onProgress }: TuneOptions = {},
): Promise<Tuned> {
  const leastMsOf = await roofTimes(device);
  const jobs = await jobsOf(device, plans);
  const totalMs = jobs.reduce((sum, job) => sum + job.totalMs, 0);
  const wanted = jobs.filter((job) => job.totalMs >= NEGLIGIBLE * totalMs);
  const rows: TuneRow[] = [];
  const tunings: Record<string, Tuning> = {};
  for (const [done, job] of wanted.entries()) {
    if (!goOn()) break;
    const report = (gain: number) => {
      onProgress?.({ done, of: wanted.length, shape: job.shape, gain });
      return goOn();
    };
    const row = await tuneJob(
      device,
      job,
      leastMsOf(costOf(job.step.dispatch, job.step.consts)),
      sameBits,
      report,
    );
    device.check();
    rows.push({ ...row, timeShare: job.totalMs / totalMs });
    const source = await sourceHash(device, job.step.dispatch.kernel);
    tunings[job.shape] = { source, consts: row.chosen };
  }
  const negligible = jobs.length - wanted.length;
  return { rows, unreached: wanted.length - rows.length, negligible, tunings };
}
