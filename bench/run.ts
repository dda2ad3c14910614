/** `npm run bench`: every kernel's speed beside what the adapter can do at most. */
import { existsSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { dirname } from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { ADAPTER_CHOICES, type AdapterChoice } from "../engine/adapter.ts";
import { type Device, openDevice } from "../engine/device.ts";
import type { Sample } from "../engine/roof.ts";
import { UserError } from "../roclip/errors.ts";
import { loadCases } from "../test/cases.ts";
import type { Roof, Row } from "./harness.ts";
import { isaCommand } from "./isa/command.ts";
import { compareNearest } from "./nearest.ts";
import { type Subject, subjectsOf, timeSubject } from "./ops.ts";
import { comparePeers, selectJobs } from "./peers/compare.ts";
import { requireInstalled } from "./peers/engines/load.ts";
import { jobs } from "./peers/jobs/index.ts";
import { type MeasuredRoof, measureRoof } from "./roof.ts";
import { collectRows } from "./rows.ts";
import { measureStep, STEP_CONFIG, type StepTimes } from "./step.ts";
import { formatHead, formatRow, formatStep, formatTotal } from "./table.ts";

interface Options {
  readonly only: string;
  readonly seconds: number;
  readonly json?: string;
  readonly adapter?: AdapterChoice;
}

const BAD_INPUT = 2;
const DEFAULT_SECONDS = 0.2;

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number above 0.");
}

/** Refused before the measurement, not after it. */
function writable(path: string): string {
  if (!existsSync(dirname(path)))
    throw new InvalidArgumentError(`The folder ${dirname(path)} must exist.`);
  if (existsSync(path) && statSync(path).isDirectory())
    throw new InvalidArgumentError("It must be a file, not a folder.");
  return path;
}

/** Where the numbers come from. */
function describe({ name, software, gpu: { adapterInfo } }: Device): string {
  const { vendor, architecture, device } = adapterInfo;
  const cores = `${availableParallelism()} cores (${cpus()[0]?.model ?? "unknown"})`;
  const kind = software ? `runs on the CPU, ${cores}` : `GPU; host: ${cores}`;
  const hardware = [vendor, architecture, device].filter(Boolean).join(" ");
  return `adapter  ${name}\n         ${hardware}\n         ${kind}; Node ${process.version}`;
}

const SEARCH = { B: 256, P: 16_384, D: 512 };
const POOL_MATCH = `nearest beside matmul + argmax · B=${SEARCH.B} P=${SEARCH.P} D=${SEARCH.D}`;

interface Wanted {
  readonly subjects: readonly Subject[];
  readonly poolMatch: boolean;
}

/** What `--only` leaves. */
function select(all: readonly Subject[], only: string): Wanted {
  const holds = (title: string) => title.toLowerCase().includes(only.toLowerCase());
  const subjects = all.filter(({ title }) => holds(title));
  const poolMatch = holds(POOL_MATCH);
  if (subjects.length > 0 || poolMatch) return { subjects, poolMatch };
  const ops = [...new Set(all.map(({ title }) => title.split(" · ")[0]))].join(", ");
  throw new UserError(
    `bench: --only must be part of a case's or a bench shape's name; "${only}" is part of none; ` +
      `cases with bench shapes are ${ops}`,
  );
}

type Print = (samples: readonly Sample[]) => void;

/** The pool match both ways: its rows, and which way is faster. */
async function printPoolMatch(device: Device, seconds: number, print: Print) {
  const { samples, fused, twoPasses } = await compareNearest(device, SEARCH, seconds);
  print(samples);
  console.log(formatTotal("nearest", fused));
  console.log(formatTotal("matmul + argmax", twoPasses));
  const ratio = (twoPasses.median / fused.median).toFixed(2);
  console.log(`Both find the same rows; nearest is ${ratio} times as fast (medians, in turns).\n`);
}

/** Say where the numbers come from, measure the roof, and print the head of the table. */
async function begin(device: Device, seconds: number): Promise<MeasuredRoof> {
  console.log(describe(device));
  const roof = await measureRoof(device, seconds);
  const peaks = `${roof.peakGflops.toFixed(1)} GFLOP/s, ${roof.peakGBs.toFixed(2)} GB/s`;
  console.log(`roof     ${peaks}: the fastest run of roof_fma and of roof_copy`);
  console.log("         (above 100 %: operands that stay in a cache, where the copy's do not)\n");
  console.log(formatHead());
  return roof;
}

/** Measure everything and print rows as they come; what cannot run is named, and passed over. */
async function run(device: Device, seconds: number, wanted: Wanted): Promise<readonly Row[]> {
  const roof = await begin(device, seconds);
  console.log("the roof");
  const rows = collectRows(roof);
  const print: Print = (samples) => {
    const fresh = rows.add(samples);
    for (const row of fresh) console.log(formatRow(row));
    console.log(fresh.length < samples.length ? "(what is not listed stands above)\n" : "");
  };
  print(roof.samples);
  const attempt = async (title: string, work: () => Promise<void>) => {
    console.log(title);
    try {
      await work();
    } catch (error) {
      console.error(`not measured: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  };
  if (wanted.poolMatch) await attempt(POOL_MATCH, () => printPoolMatch(device, seconds, print));
  for (const subject of wanted.subjects)
    await attempt(subject.title, async () => print(await timeSubject(device, subject, seconds)));
  return rows.all;
}

/** A row of `step`: of one kernel and shape, with what is the same for the whole step. */
type StepRow = Row &
  Pick<StepTimes, "jsUsPerDispatch" | "bareUsPerDispatch"> &
  Pick<StepTimes, "peakBytes" | "boundBytes"> & { readonly step: string };

/** The kernels of one kind of step, slowest first, and what is beside them. */
async function runStep(
  device: Device,
  seconds: number,
  roof: Roof,
  matching: boolean,
): Promise<StepRow[]> {
  const step = matching ? "matching" : "plain";
  console.log(`a ${step} step of the demonstration, batch of noise`);
  const { samples, times } = await measureStep(device, STEP_CONFIG, matching, seconds);
  const spent = ({ timesMs }: Sample) => timesMs.reduce((sum, ms) => sum + ms, 0);
  const rows = collectRows(roof).add([...samples].sort((a, b) => spent(b) - spent(a)));
  for (const row of rows) console.log(formatRow(row));
  console.log(`${formatStep(times)}\n`);
  const { jsUsPerDispatch, bareUsPerDispatch, peakBytes, boundBytes } = times;
  const whole = { step, jsUsPerDispatch, bareUsPerDispatch, peakBytes, boundBytes };
  return rows.map((row) => ({ ...row, ...whole }));
}

/** Do the work on an opened device, and write what it found where that was asked for. */
async function withDevice(
  { adapter, json }: Pick<Options, "adapter" | "json">,
  work: (device: Device) => Promise<unknown>,
): Promise<void> {
  const device = await openDevice(adapter).catch((error: unknown) => {
    throw new UserError(error instanceof Error ? error.message : String(error));
  });
  try {
    const found = await work(device);
    if (json) writeFileSync(json, `${JSON.stringify(found, undefined, 2)}\n`);
  } finally {
    device.close();
  }
}

async function bench(options: Options): Promise<void> {
  const wanted = select(subjectsOf(await loadCases()), options.only);
  await withDevice(options, (device) => run(device, options.seconds, wanted));
}

async function benchStep(_: unknown, command: Command): Promise<void> {
  const { seconds, ...options } = command.optsWithGlobals<Options>();
  await withDevice(options, async (device) => {
    const roof = await begin(device, seconds);
    const plain = await runStep(device, seconds, roof, false);
    return [...plain, ...(await runStep(device, seconds, roof, true))];
  });
}

async function benchPeers(_: unknown, command: Command): Promise<void> {
  const { seconds, only, ...options } = command.optsWithGlobals<Options>();
  requireInstalled();
  const wanted = selectJobs(jobs, only);
  await withDevice(options, (device) => {
    console.log(`${describe(device)}\n`);
    return comparePeers(device, wanted, seconds);
  });
}

const program = new Command("bench")
  .description("Time every kernel beside the roof: what the same adapter does at most.")
  .option("--only <text>", "only cases whose name, or whose shape's name, holds this text", "")
  .option("--seconds <number>", "how long to repeat each row", positive, DEFAULT_SECONDS)
  .option("--json <file>", "also write the rows to a file", writable)
  .addOption(new Option("--adapter <choice>", "which adapter").choices(ADAPTER_CHOICES))
  .addHelpText(
    "after",
    "\nExamples:\n  npm run bench -- --only layernorm --json rows.json\n  npm run bench -- step" +
      "\n  npm run bench -- peers --only conv2d",
  )
  .showHelpAfterError("(see --help)")
  .exitOverride()
  .action(bench);
program
  .command("step")
  .description("A training step by kernel, and its time outside the kernels.")
  .exitOverride()
  .action(benchStep);
program.addCommand(isaCommand());
program
  .command("peers")
  .description("The same ops on other engines, in turns with ours (bench/peers).")
  .exitOverride()
  .action(benchPeers);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : BAD_INPUT;
  else if (error instanceof UserError) {
    console.error(error.message);
    process.exitCode = BAD_INPUT;
  } else throw error;
}
