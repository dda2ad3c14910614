/** `roclip demo`: the same poisoned data trained twice, CLIP beside RoCLIP. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { Device } from "../../engine/index.ts";
import { type Config, parseConfig } from "../config.ts";
import { DEMO } from "../configs/demo.ts";
import { UserError } from "../errors.ts";
import { type EpochTimes, forecastEpochs } from "../forecast.ts";
import { DEFENCE_NAMES, type Defence } from "../report/data.ts";
import { beginRun, RUN_FILES, readRun, requireFresh } from "../runFolder.ts";
import { isMatchingEpoch, plainEpochsBefore } from "../schedule.ts";
import { duration, formatTable, resultRows } from "../table.ts";
import type { TrainOptions } from "../train.ts";
import {
  addDeviceOption,
  type DeviceOptions,
  openNamedDevice,
  stopSignal,
  wholeNumber,
  writeRows,
} from "./common.ts";
import { type ReportedRun, writeReport } from "./report.ts";
import { asRunResult, prepare, trainShown } from "./train.ts";

interface Options extends DeviceOptions {
  readonly seed: number;
  readonly epochs?: number;
  readonly minutes?: number;
  readonly out?: string;
  readonly resume?: string;
  readonly json?: string;
}

const DEFENCES: readonly Defence[] = ["clip", "roclip"];
/** Minutes that both runs may take unless said otherwise: SwiftShader is several times slower. */
const MINUTES = { swiftShader: 18, other: 7.5 };
const LEAST_EPOCHS = 6; // below this the attacks have not taken and there is nothing to defend
const OVERHEAD = 1.1; // evaluation, checkpoints and the report, beside the steps

/** Seconds that both runs take, from the time of an epoch of each kind. */
function forecast(config: Config, times: EpochTimes): number {
  const plain = plainEpochsBefore(config, config.epochs + 1); // of RoCLIP; those of CLIP all are
  const matching = config.epochs - plain;
  return OVERHEAD * ((config.epochs + plain) * times.plain + matching * times.matching);
}

/** The configuration with as many epochs as fit the time, and what to say about it. */
function sized(config: Config, times: EpochTimes, minutes: number) {
  const whole = forecast(config, times);
  const measured =
    `Measured here: an epoch takes ${duration(times.plain)} (plain), ` +
    `${duration(times.matching)} (matching).`;
  if (whole <= minutes * 60)
    return { config, text: `${measured} Both runs: about ${duration(whole)}.` };
  const fitting = Math.max(LEAST_EPOCHS, Math.floor((config.epochs * minutes * 60) / whole));
  // PSR is low after a matching epoch and higher after a plain one: end as the whole run would.
  const endsAlike = (epoch: number) =>
    isMatchingEpoch(config, epoch) === isMatchingEpoch(config, config.epochs);
  let epochs = fitting;
  while (epochs > LEAST_EPOCHS && !endsAlike(epochs)) epochs--;
  const shorter = { ...config, epochs };
  const shortened =
    `${config.epochs} epochs would take ${duration(whole)}; shortened to ${epochs} epochs, about ` +
    `${duration(forecast(shorter, times))}. Give --epochs or --minutes for longer.`;
  return { config: shorter, text: `${measured}\n${shortened}` };
}

/** The seed and length of an interrupted demo. */
async function interrupted(folder: string): Promise<Config> {
  const begun = DEFENCES.map((defence) => join(folder, defence)).find((path) =>
    existsSync(join(path, RUN_FILES.checkpoint)),
  );
  if (begun) return { ...(await readRun(begun)).progress.config, defence: "roclip" };
  throw new UserError(
    `${folder}: --resume must name the folder of a demo; it holds no checkpoint; ` +
      "begin a new one without --resume",
  );
}

/** The configuration to run: of an interrupted demo, or sized to what steps take here. */
async function chooseConfig(options: Options, parts: Parts, base: Config): Promise<Config> {
  if (options.resume) return base;
  const times = await forecastEpochs({ ...parts, config: base });
  const { device } = parts;
  const usual = /swiftshader/i.test(device.name) ? MINUTES.swiftShader : MINUTES.other;
  const minutes = options.minutes ?? (options.epochs ? Number.POSITIVE_INFINITY : usual);
  const { config, text } = sized(base, times, minutes);
  console.log(`${text}\n`);
  return config;
}

/** What both runs share. */
type Parts = Omit<TrainOptions, "config" | "folder" | "resume" | "onStep" | "onEpoch">;

/** Train with each defence in turn; undefined when stopped by Ctrl-C. */
async function runBoth(
  folder: string,
  config: Config,
  parts: Parts,
): Promise<ReportedRun[] | undefined> {
  const runs: ReportedRun[] = [];
  for (const defence of DEFENCES) {
    const own = { ...config, defence };
    const path = join(folder, defence);
    const resume = existsSync(join(path, RUN_FILES.checkpoint));
    if (!resume) await beginRun(path, own, parts.evaluation.truth);
    const name = DEFENCE_NAMES[defence].padEnd(6);
    const run = await trainShown(name, { ...parts, config: own, folder: path, resume });
    if (!run.finished) return undefined;
    runs.push({ config: own, run, result: asRunResult(own, run) });
  }
  return runs;
}

async function demoOn(device: Device, options: Options, signal: AbortSignal): Promise<void> {
  const begun = performance.now();
  const time = new Date().toISOString().replace(/[:.]/g, "-").slice(0, 19);
  const folder = options.resume ?? options.out ?? join("runs", `demo-${time}`);
  if (!options.resume) for (const defence of DEFENCES) requireFresh(join(folder, defence));
  const base = options.resume
    ? await interrupted(options.resume)
    : parseConfig({ ...DEMO, seed: options.seed, epochs: options.epochs ?? DEMO.epochs });
  const { source, data, attacked, tokenizer } = await prepare(base, { kind: "emoji" });
  const evaluation = { ...data, truth: attacked.truth };
  const parts = { source, device, train: attacked.dataset, evaluation, tokenizer, signal };
  const config = await chooseConfig(options, parts, base);
  const runs = await runBoth(folder, config, parts);
  if (!runs) {
    console.log(`Stopped and saved. Go on with: roclip demo --resume ${folder}`);
    return;
  }
  const rows = resultRows(runs.map(({ result }) => result));
  console.log(`\n${formatTable(rows)}\n`);
  const command = `roclip demo --seed ${config.seed} --epochs ${config.epochs}`;
  const title = "CLIP and RoCLIP on the same poisoned data";
  const report = await writeReport(folder, { title, device, command, attacked, runs });
  console.log(`Done in ${duration((performance.now() - begun) / 1000)}. Report: ${report}`);
  writeRows(options.json, rows);
}

async function runDemo(options: Options): Promise<void> {
  const signal = stopSignal();
  const device = await openNamedDevice(options);
  try {
    await demoOn(device, options, signal);
  } finally {
    device.close();
  }
}

/** Add the command to the program. */
export function addDemo(program: Command): void {
  const command = program
    .command("demo")
    .description("Train CLIP and RoCLIP on the same poisoned emoji and compare them.")
    .option("--seed <n>", "seed of data order, attacks and weights", Number, 1)
    .option(
      "--epochs <n>",
      `epochs of each run (default: ${DEMO.epochs}, or what fits the time)`,
      wholeNumber,
    )
    .option("--minutes <n>", "time to fit both runs in (default: 7.5; 18 on SwiftShader)", Number)
    .option("--out <folder>", "new folder for both runs (default: runs/demo-<time>)")
    .option("--resume <folder>", "go on with an interrupted demo")
    .option("--json <file>", "also write the table as JSON rows");
  addDeviceOption(command);
  command.addHelpText(
    "after",
    "\nExamples:\n  roclip demo\n  roclip demo --seed 2 --json rows.json",
  );
  command.action(runDemo);
}
