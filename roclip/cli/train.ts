/** `roclip train`: one model on one data set, attacked or not. */
import { basename, join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Command } from "commander";
import type { Device } from "../../engine/index.ts";
import { assess, MEASURES, type MeasureGroup } from "../assess.ts";
import { attack } from "../attack.ts";
import { stepsPerEpoch } from "../batches.ts";
import { microBatchNote } from "../embed.ts";
import { UserError } from "../errors.ts";
import type { EpochResult, RunResult } from "../report/data.ts";
import { beginRun, RUN_FILES, readRun, readTruth } from "../runFolder.ts";
import type { Config } from "../schema.ts";
import type { Source, SourceData } from "../source.ts";
import { formatTable, percent, resultRows } from "../table.ts";
import { type Tokenizer, tokenizerFromJson } from "../tokenize.ts";
import { type EpochModel, type TrainedRun, type TrainOptions, train } from "../train.ts";
import type { TruthRow } from "../truth.ts";
import {
  addConfigOptions,
  addDeviceOption,
  addPresetOption,
  addSourceOptions,
  configOf,
  type DeviceOptions,
  loadSource,
  measureGroups,
  openNamedDevice,
  type SourceOptions,
  sourceOf,
  stopSignal,
  tokenizerFor,
  writeRows,
} from "./common.ts";
import { showProgress } from "./progress.ts";
import { writeReport } from "./report.ts";

/** Training data with the configuration's attacks in place. */
export function attackedData(data: SourceData, config: Config) {
  const attacked = attack(data.train, data.test, config);
  const backdoor = attacked.truth.filter(({ kind }) => kind === "backdoor");
  const poisoned = attacked.truth.length - backdoor.length;
  const aims = new Set(
    backdoor.map(({ trigger, targetClass }) => `${trigger} to "${targetClass}"`),
  );
  const aim = aims.size > 0 ? ` (${[...aims].join(", ")})` : "";
  console.log(
    `Attacks: ${config.poison.targets} images poisoned with ${poisoned} pairs; ` +
      `${backdoor.length} pairs carry the backdoor${aim}.`,
  );
  for (const note of attacked.notes) console.log(note);
  return attacked;
}

const PHASE_WIDTH = "matching".length; // the longest

/** One epoch as a line. */
export function epochLine(name: string, result: EpochResult): string {
  const kind = result.phase.padEnd(PHASE_WIDTH);
  const rates = [
    `loss ${result.loss.toFixed(3)}`,
    `zero-shot ${percent(result.zeroShotTop1)}`,
    `PSR ${percent(result.psr)}`,
    `ASR ${percent(result.asr)}`,
    `${Math.round(result.pairsPerSecond)} pairs/s`,
  ];
  return `${name} epoch ${String(result.epoch).padStart(2)} ${kind}  ${rates.join("  ")}`;
}

/** What becomes of "amp" on an adapter without f16; undefined where nothing does. */
export function precisionNote(
  { precision }: Pick<Config, "precision">,
  device: Pick<Device, "half" | "name">,
): string | undefined {
  if (precision === "fp32" || device.half) return undefined;
  return (
    `precision amp: ${device.name} has no f16 (shader-f16), so its operands are f32 that were ` +
    "rounded to f16: the same numbers, with the memory and the speed of f32."
  );
}

/** Train with progress on the terminal. */
export async function trainShown(
  name: string,
  options: Omit<TrainOptions, "onStep" | "onEpoch">,
): Promise<TrainedRun> {
  const total = options.config.epochs * stepsPerEpoch(options.config, options.train.ids.length);
  const display = showProgress(name, total);
  const note = precisionNote(options.config, options.device);
  if (note !== undefined) display.line(note);
  try {
    return await train({
      ...options,
      onStep: ({ step, epoch, loss, pairsPerSecond }) => {
        const speed = `${Math.round(pairsPerSecond)} pairs/s`;
        display.update(step, `epoch ${epoch} · loss ${loss.toFixed(3)} · ${speed}`);
      },
      onFit: ({ config, bytes }) =>
        display.line(
          `Memory: ${(bytes / 1e9).toFixed(2)} GB, within ${config.memory}; activations computed ` +
            `again: ${percent(config.recompute)} of each tower's blocks.`,
        ),
      onEpoch: (result) => display.line(epochLine(name, result)),
    });
  } finally {
    display.stop();
  }
}

/** The data that a configuration trains on. */
export interface Prepared {
  readonly config: Config;
  readonly source: Source;
  readonly data: SourceData;
  readonly tokenizer: Tokenizer;
  readonly attacked: ReturnType<typeof attackedData>;
}

/**
 * Read and attack the data that a configuration asks for.
 *
 * @param options  known: the tokenizer of a run that goes on; load: another way to the data
 */
export async function prepare(
  config: Config,
  source: Source,
  options: { readonly known?: Tokenizer | undefined; readonly load?: typeof loadSource } = {},
): Promise<Prepared> {
  const { known, load = loadSource } = options;
  const note = microBatchNote(config);
  if (note !== undefined) console.log(note);
  const data = await load(source, config);
  const attacked = attackedData(data, config);
  const tokenizer = known ?? (await tokenizerFor(config, data.train.captions));
  return { config, source, data, attacked, tokenizer };
}

/** A run's results in the form of tables and reports. */
export function asRunResult(config: Config, run: TrainedRun): RunResult {
  const { subjects } = run;
  return {
    defence: config.defence,
    seed: config.seed,
    epochs: run.results,
    counts: {
      targets: subjects.targets.length,
      triggered: subjects.backdoors.reduce((sum, { triggered }) => sum + triggered.ids.length, 0),
      heldOut: subjects.labelled.ids.length,
    },
  };
}

interface Options extends DeviceOptions, SourceOptions {
  readonly config?: string;
  readonly preset?: string;
  readonly out?: string;
  readonly resume?: string;
  readonly json?: string;
  readonly epochMeasures?: readonly MeasureGroup[];
}

/** The folder of a new run: named after the defence and the time. */
const newFolder = (config: Config) =>
  join("runs", `${config.defence}-${new Date().toISOString().replace(/[:.]/g, "-").slice(0, 19)}`);

async function trainOn(
  device: Device,
  options: Options & Record<string, unknown>,
  stop: AbortSignal,
) {
  const { resume, epochMeasures } = options;
  const saved = resume === undefined ? undefined : (await readRun(resume)).progress;
  const config = saved?.config ?? configOf(options);
  const source = saved?.source ?? sourceOf(options);
  const known = saved && tokenizerFromJson(saved.tokenizer);
  const prepared = await prepare(config, source, { known });
  const folder = resume ?? options.out ?? newFolder(config);
  const command = `roclip train --config ${join(folder, RUN_FILES.config)}`;
  const more = { device, folder, resume: saved !== undefined, signal: stop, command };
  const asked = epochMeasures && { epochMeasures };
  const result = await trainInFolder({ ...prepared, ...more, ...asked });
  if (!result) {
    console.log(`Stopped and saved. Go on with: roclip train --resume ${folder}`);
    return;
  }
  console.log(`\n${formatTable(resultRows([result]))}`);
  console.log(`Report: ${resolve(join(folder, RUN_FILES.report))}`);
  writeRows(options.json, resultRows([result]));
}

/** A run in a folder. */
export interface FolderRun extends Prepared {
  readonly device: Device;
  readonly folder: string;
  /** Go on from the folder's checkpoint. */
  readonly resume: boolean;
  readonly signal: AbortSignal;
  /** The command that makes the run again. */
  readonly command: string;
  /** What is measured after every epoch besides what training measures by itself. */
  readonly epochMeasures?: readonly MeasureGroup[];
}

/** What measures the model of a run after every epoch. */
function measuring({ config, device, data, attacked, epochMeasures }: FolderRun) {
  if (!epochMeasures) return {};
  const about = { device, seed: config.seed, judge: config.roclip.judge, data };
  const measure = (model: EpochModel) =>
    assess({ ...model, ...about, attacked: () => attacked }, epochMeasures, () => undefined);
  return { measure };
}

/** Train in a folder and write the report there; undefined when the signal stopped it. */
export async function trainInFolder(options: FolderRun): Promise<RunResult | undefined> {
  const { config, data, attacked, folder, device, command, resume } = options;
  const { truth, dataset } = attacked;
  if (resume) requireSameAttacks(folder, await readTruth(folder), truth);
  else await beginRun(folder, config, truth);
  const evaluation = { ...data, truth };
  const more = { ...measuring(options), train: dataset, evaluation };
  const run = await trainShown(config.defence, { ...options, ...more });
  if (!run.finished) return undefined;
  const result = asRunResult(config, run);
  const title = `${basename(folder)}: ${data.train.name}`;
  const runs = [{ config, run, result }];
  await writeReport(folder, { title, device, command, attacked, runs });
  return result;
}

/** A resumed run must go on with the data it began with. */
function requireSameAttacks(
  folder: string,
  before: readonly TruthRow[],
  now: readonly TruthRow[],
): void {
  if (isDeepStrictEqual(before, now)) return;
  throw new UserError(
    `${folder}: a resumed run must have the data it began with; the attacks differ; ` +
      "put the tables and images back, or begin a new run",
  );
}

async function runTrain(options: Options & Record<string, unknown>): Promise<void> {
  const signal = stopSignal();
  const device = await openNamedDevice(options);
  try {
    await trainOn(device, options, signal);
  } finally {
    device.close();
  }
}

/** Add the command to the program. */
export function addTrain(program: Command): void {
  const command = program
    .command("train")
    .description("Train a CLIP model on captioned images: plain, by RoCLIP, or by another defence.")
    .option("--out <folder>", "new folder for the run (default: runs/<defence>-<time>)")
    .option("--resume <folder>", "go on with an interrupted run, to the same bits")
    .option(
      "--epoch-measures <names>",
      `write measures to metrics.jsonl after every epoch: some of ${MEASURES.join(",")}`,
      measureGroups,
    )
    .option("--json <file>", "also write the table as JSON rows");
  addSourceOptions(command);
  addDeviceOption(command);
  addPresetOption(command);
  addConfigOptions(command);
  command.addHelpText(
    "after",
    `
Examples:
  roclip train                                    the emoji, RoCLIP, defaults
  roclip train --defence clip --epochs 5
  roclip train --preset small --roclip-judge 0 --roclip-frequency 2
  roclip train --defence safeclip --epochs 30
  roclip train --config runs/clip/config.json --defence cleanclip --pretrained runs/clip
  roclip train --data train.csv --images photos/ --test test.csv --config run.json
  roclip train --epoch-measures audit,detection
  roclip train --resume runs/roclip-2026-01-31T12-00-00`,
  );
  command.action(runTrain);
}
