/** `roclip plan`: what a run takes in arithmetic, memory and time, before it begins. */
import type { Command } from "commander";
import { memoryBytes } from "../amount.ts";
import { stepsPerEpoch } from "../batches.ts";
import { PRESETS } from "../configs/presets.ts";
import { microBatchNote } from "../embed.ts";
import { epochSeconds, leastMsUnder, measureShare, type Reached } from "../epochForecast.ts";
import { UserError } from "../errors.ts";
import { GPUS } from "../gpus.ts";
import { fitMemory } from "../memory.ts";
import {
  countFlops,
  countParameters,
  LAID_OUT,
  memoryOf,
  type RunMemory,
  type StepFlops,
  stepCosts,
} from "../planning.ts";
import type { StepKind } from "../schedule.ts";
import type { Config } from "../schema.ts";
import { requirePool } from "../session.ts";
import { type Column, duration, formatCells } from "../table.ts";
import { extraFlops, type Room, roomsIn } from "../whatFits.ts";
import {
  addConfigOptions,
  addDeviceOption,
  addPresetOption,
  configOf,
  type DeviceOptions,
  openNamedDevice,
  wholeNumber,
  writeRows,
} from "./common.ts";

interface Options extends DeviceOptions {
  readonly config?: string;
  readonly preset?: string;
  readonly pairs: number;
  readonly measure: boolean;
  readonly json?: string;
}

/** A time that nobody measured. */
interface EpochForecast {
  readonly forecast: true;
  readonly device: string;
  readonly kind: StepKind;
  readonly seconds: number;
}

const PAIRS = 1_000_000; // the paper's
const MEMORIES = [8e9, 24e9, 80e9]; // bytes of common GPUs

const giga = (n: number) => (n / 1e9).toFixed(2);
const gigaOfAny = (n: number) => (n < 1e9 ? String(+(n / 1e9).toPrecision(3)) : giga(n));
const gigabytes = (bytes: number) =>
  bytes >= 1e7 ? `${giga(bytes)} GB` : `${(bytes / 1e6).toFixed(2)} MB`;
const percent = (share: number) => `${(100 * share).toFixed(0)}%`;
const numeric = (...titles: string[]) => titles.map((title): Column => ({ title, numeric: true }));

function flopsTable(flops: readonly StepFlops[], { batch }: Config): string {
  const cells = flops.map((step) => {
    const { forward, backward, update } = step;
    const perPair = [forward, backward, update].map((n) => gigaOfAny(n / batch));
    return [step.kind, ...perPair, gigaOfAny((forward + backward + update) / 1000)];
  });
  const titles = numeric("forward", "backward", "update", "TFLOP per step");
  return formatCells([{ title: "GFLOP per pair" }, ...titles], cells);
}

const MEMORY_ROWS: Readonly<Record<keyof RunMemory, string>> = {
  parameters: "parameters",
  moments: "moments of the optimiser",
  averages: "averages of the weights",
  statistics: "batch norm statistics",
  pools: "pools and matches",
  captions: "captions to encode anew",
  activations: "activations and gradients (planner's peak)",
  inputs: "inputs and constants",
  evaluation: "evaluation, beside the step",
  total: "total",
};

function memoryTable(memory: RunMemory): string {
  const rows = Object.entries(MEMORY_ROWS) as [keyof RunMemory, string][];
  const cells = rows.map(([name, title]) => [title, gigabytes(memory[name])]);
  return formatCells([{ title: "memory on the device" }, ...numeric("bytes")], cells);
}

function fitsTable(rooms: readonly Room[]): string {
  const cells = rooms.map(({ budget, recompute, batch, bytes }) => [
    gigabytes(budget),
    recompute === 0 ? "kept" : "computed again",
    batch === undefined ? "none" : String(batch),
    bytes === undefined ? "–" : gigabytes(bytes),
  ]);
  const titles = numeric("largest batch", "takes at least");
  return formatCells([{ title: "memory" }, { title: "activations" }, ...titles], cells);
}

/** Forecasts for this adapter and the GPUs of the table. */
function forecastsOf(
  config: Config,
  pairs: number,
  here: Reached & { readonly name: string },
): EpochForecast[] {
  const steps = stepsPerEpoch(config, pairs);
  const devices = [
    { name: here.name, leastMsOf: here.leastMsOf },
    ...GPUS.map((gpu) => ({ name: gpu.name, leastMsOf: leastMsUnder(gpu) })),
  ];
  return stepCosts(config, { pairs }).flatMap(({ kind, costs }) =>
    devices.map(({ name, leastMsOf }): EpochForecast => {
      const seconds = epochSeconds(costs, leastMsOf, { steps, share: here.share });
      return { forecast: true, device: name, kind, seconds };
    }),
  );
}

function printForecasts(forecasts: readonly EpochForecast[], { share, probe }: Reached): void {
  const cells = forecasts.map((row) => [row.device, row.kind, `~${duration(row.seconds)}`]);
  const columns = [{ title: "device" }, { title: "epoch" }, ...numeric("forecast")];
  console.log(`\n${formatCells(columns, cells)}\n`);
  console.log(
    `These times are forecasts; none was measured. A step of ${probe} reached ${percent(share)} of ` +
      "this adapter's measured roof; the forecasts take it that this model's steps reach the same " +
      "share of this roof, and of the peak figures of GPUs that nothing was run on:",
  );
  for (const { name, gflops, gbs, source } of GPUS)
    console.log(`  ${name}: ${gflops / 1000} TFLOP/s f32, ${gbs} GB/s. ${source}`);
}

async function measureHere(options: Options, config: Config) {
  const device = await openNamedDevice(options);
  try {
    return { ...(await measureShare(device, config)), name: device.name };
  } finally {
    device.close();
  }
}

/** The configuration that the argument or the options name. */
function planned(named: string | undefined, options: Options & Record<string, unknown>): Config {
  if (named === undefined) return configOf(options);
  if (options.config !== undefined || options.preset !== undefined)
    throw new UserError(
      `plan: a configuration must be named once; found "${named}" and --config or --preset; ` +
        "leave one out",
    );
  return configOf({ ...options, [Object.hasOwn(PRESETS, named) ? "preset" : "config"]: named });
}

/** What the configuration is, in words. */
function printTitle(config: Config, pairs: number, extra: number): void {
  const { image, text, all } = countParameters(config);
  const millions = (n: number) => `${(n / 1e6).toFixed(2)} M`;
  const parts = config.microBatch > 0 ? ` in micro-batches of ${config.microBatch}` : "";
  console.log(
    `Parameters: ${all} (image tower ${millions(image)}, text tower ${millions(text)}). ` +
      `${pairs} pairs, batch ${config.batch}${parts}: ${stepsPerEpoch(config, pairs)} steps an epoch.`,
  );
  if (extra > 0)
    console.log(
      `Computed again: ${percent(config.recompute)} of each tower's blocks` +
        `${parts ? ", and every micro-batch" : ""}; +${percent(extra)} arithmetic.`,
    );
  const note = microBatchNote(config);
  if (note !== undefined) console.log(note);
}

async function runPlan(
  named: string | undefined,
  options: Options & Record<string, unknown>,
): Promise<void> {
  const asked = planned(named, options);
  const { pairs } = options;
  requirePool(asked, pairs);
  const config = fitMemory(asked, { pairs })?.config ?? asked;
  const extra = extraFlops(config, { pairs });
  printTitle(config, pairs, extra);
  const [flops, memory] = [countFlops(config, { pairs }), memoryOf(config, { pairs }, LAID_OUT)];
  const budget = memoryBytes(config.memory);
  const rooms = roomsIn(config, budget === undefined ? MEMORIES : [budget], { pairs });
  const tables = [flopsTable(flops, config), memoryTable(memory), fitsTable(rooms)];
  console.log(`\n${tables.join("\n\n")}`);
  const here = options.measure ? await measureHere(options, config) : undefined;
  const forecasts = here ? forecastsOf(config, pairs, here) : [];
  if (here) printForecasts(forecasts, here);
  const parameters = countParameters(config);
  const share = here && { share: here.share, probe: here.probe, adapter: here.name };
  const counted = { config, parameters, flops, extraFlops: extra, memory, rooms };
  writeRows(options.json, { ...counted, forecasts, ...share });
}

/** Add the command to the program. */
export function addPlan(program: Command): void {
  const command = program
    .command("plan")
    .description(
      "Say what a run takes in arithmetic, memory and time. Nothing of the model is allocated or " +
        "compiled; a small model is timed for the forecasts.",
    )
    .argument("[config]", "configuration file, or the name of a preset")
    .option("--pairs <n>", "training pairs", wholeNumber, PAIRS)
    .option("--no-measure", "no forecasts, and no device")
    .option("--json <file>", "also write everything as JSON");
  addDeviceOption(command);
  addPresetOption(command);
  addConfigOptions(command);
  command.addHelpText(
    "after",
    `
Examples:
  roclip plan paper                               RN50 on 1M pairs at batch 512
  roclip plan paper --memory 24GB                 with as much computed again as that needs
  roclip plan run.json --pairs 20000 --no-measure`,
  );
  command.action(runPlan);
}
