/** `roclip sweep`: a grid of runs, one after another or as work for another engine. */
import { existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { type Command, Option } from "commander";
import type { Device } from "../../engine/index.ts";
import type { MeasureRow } from "../assess.ts";
import { evaluationSet, requireWhole } from "../data/evaluationSets.ts";
import { UserError } from "../errors.ts";
import { RUN_FILES } from "../runFolder.ts";
import { nearestName } from "../spelling.ts";
import { commandOf, type Emitted, kubernetesJob, slurmScript } from "../sweep/emit.ts";
import { type Cell, readSweep, type Sweep } from "../sweep/file.ts";
import { outcomesOfLines } from "../sweep/lines.ts";
import {
  type CellOutcome,
  cellFolder,
  keepFailure,
  keepResult,
  type Outcome,
  outcomeOf,
} from "../sweep/results.ts";
import { duration } from "../table.ts";
import {
  addDeviceOption,
  type DeviceOptions,
  INTERRUPTED,
  loadSource,
  openNamedDevice,
  stopSignal,
} from "./common.ts";
import { finishSweep } from "./finishSweep.ts";
import { measureRun } from "./measure.ts";
import { prepare, trainInFolder } from "./train.ts";

/** What a sweep can be asked. */
interface SweepOptions extends DeviceOptions {
  readonly root?: string;
  readonly out?: string;
  readonly cell?: readonly string[];
  readonly emit?: "slurm" | "k8s";
  readonly image?: string;
  readonly claim?: string;
  readonly collect?: true | readonly string[];
}

const FAILED = 1; // exit code when a cell failed: an engine may try it again

/** Says by the exit code whether a cell failed. */
function noteFailures(outcomes: readonly CellOutcome[]): void {
  if (outcomes.some(({ outcome }) => outcome.kind === "failed")) process.exitCode = FAILED;
}

/** The data of the last cell, kept for the next one if it has the same. */
function rememberLast(): typeof loadSource {
  let last: { key: string; data: ReturnType<typeof loadSource> } | undefined;
  return (source, config) => {
    const key = JSON.stringify([source, config.imageSize, config.seed]);
    if (last?.key !== key) last = { key, data: loadSource(source, config) };
    return last.data;
  };
}

/** The sweep's name: its file's, as jobs may be called. */
const nameOf = (file: string) =>
  basename(file, extname(file))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "") || "sweep";

/** A cell that `--cell` names, by its number from 0 or its name. */
function cellNamed({ file, cells }: Sweep, text: string): Cell {
  const names = cells.map(({ name }) => name);
  const cell = /^\d+$/.test(text) ? cells[Number(text)] : cells[names.indexOf(text)];
  if (cell) return cell;
  throw new UserError(
    `--cell: must be a number from 0 to ${cells.length - 1}, or a cell's name; found "${text}"; ` +
      `did you mean "${nearestName(text, names)}" of ${file}?`,
  );
}

/** Where the cells of a sweep are run. */
interface Place {
  readonly sweep: Sweep;
  readonly out: string;
  readonly device: Device;
  readonly signal: AbortSignal;
  readonly load: typeof loadSource;
}

/** The evaluation sets that a sweep asks for, and where they are. */
const setsOf = ({ sets }: Sweep) =>
  Object.entries(sets).map(([name, folder]) => ({ set: evaluationSet(name), folder }));

/** What the sweep asks of a cell's model besides what training measures. */
async function measuresOf({ sweep, out, device, load }: Place, cell: Cell): Promise<MeasureRow[]> {
  const { measures, perClass, attacksOf } = cell.asked;
  const folder = cellFolder(out, cell);
  const on = setsOf(sweep);
  const rows: MeasureRow[] = [];
  if (measures.length + on.length > 0)
    rows.push(...(await measureRun(device, folder, { measures, on, perClass, load })).measures);
  if (attacksOf) {
    const { setting, attacks } = attacksOf;
    const asked = { measures: ["attacks"], on: [], attacks, load } as const;
    const found = await measureRun(device, folder, asked);
    rows.push(...found.measures.map((row) => ({ ...row, group: `attacks of ${setting}` })));
  }
  return rows;
}

/** Begin a cell or go on with it; undefined when the signal stopped it. */
async function runCell(place: Place, cell: Cell): Promise<Outcome | undefined> {
  const { sweep, out, device, signal, load } = place;
  const folder = cellFolder(out, cell);
  mkdirSync(folder, { recursive: true });
  try {
    const resume = existsSync(join(folder, RUN_FILES.checkpoint));
    // Without a checkpoint there is nothing to go on with: what was begun is begun anew.
    if (!resume)
      for (const name of Object.values(RUN_FILES)) await rm(join(folder, name), { force: true });
    const prepared = await prepare(cell.config, sweep.source, { load });
    const command = `${commandOf({ sweep, out })} --cell ${cell.name}`;
    const run = { ...prepared, device, folder, resume, signal, command };
    const result = await trainInFolder(run);
    if (!result) return undefined;
    const measures = await measuresOf(place, cell);
    const done = { result, measures, adapter: device.name };
    await keepResult(folder, cell, done);
    return { kind: "done", ...done };
  } catch (error) {
    const found = error instanceof Error ? error : new Error(String(error));
    const text = error instanceof UserError ? found.message : (found.stack ?? found.message);
    console.error(`Cell ${cell.name} failed: ${text}`);
    await keepFailure(folder, cell, text);
    return { kind: "failed", error: text };
  }
}

/** Run the cells that are not done, in order, until the signal. */
async function runCells(place: Omit<Place, "load">, cells: readonly CellOutcome[]) {
  const load = rememberLast();
  const left = cells.filter(({ outcome }) => outcome.kind !== "done");
  const done = new Map<string, Outcome>();
  const skipped = cells.length - left.length;
  console.log(
    `Sweep: ${cells.length} cells${skipped > 0 ? `, ${skipped} of them done before` : ""}.`,
  );
  const begun = performance.now();
  for (const [i, { cell }] of left.entries()) {
    if (place.signal.aborted) break;
    const seconds = (performance.now() - begun) / 1000;
    const rest = i > 0 ? `; about ${duration((seconds / i) * (left.length - i))} left` : "";
    console.log(`\nCell ${i + 1} of ${left.length}: ${cell.name}${rest}`);
    const outcome = await runCell({ ...place, load }, cell);
    if (outcome) done.set(cell.name, outcome);
  }
  return cells.map(({ cell, outcome }) => ({ cell, outcome: done.get(cell.name) ?? outcome }));
}

/**
 * The outcomes of all cells, each from the first of the folders that has its result: the sweep's
 * own, and others, of which the tables are enough.
 */
async function collect(
  { cells }: Pick<Sweep, "cells">,
  out: string,
  others: readonly string[] = [],
): Promise<CellOutcome[]> {
  const folders = [out, ...others];
  const tables = await Promise.all(others.map((folder) => outcomesOfLines(folder, cells)));
  return Promise.all(
    cells.map(async (cell) => {
      const found = folders.map((folder) => outcomeOf(cellFolder(folder, cell), cell));
      const lines = tables.flatMap((table) => table.get(cell.name) ?? []);
      const outcomes = [...(await Promise.all(found)), ...lines];
      const of = (kind: Outcome["kind"]) => outcomes.find((outcome) => outcome.kind === kind);
      return { cell, outcome: of("done") ?? of("failed") ?? of("begun") ?? outcomes[0]! };
    }),
  );
}

async function run(emitted: Emitted, options: SweepOptions): Promise<void> {
  const { sweep, out } = emitted;
  const cells = options.cell?.map((text) => cellNamed(sweep, text)) ?? sweep.cells;
  const before = await collect({ cells }, out);
  for (const { set, folder } of setsOf(sweep)) await requireWhole(set, folder);
  const signal = stopSignal();
  const device = await openNamedDevice(options);
  try {
    const outcomes = await runCells({ sweep, out, device, signal }, before);
    // Cells that run elsewhere at the same time would overwrite each other's tables.
    if (options.cell === undefined) await finishSweep(emitted, outcomes);
    noteFailures(outcomes);
    if (signal.aborted) process.exitCode = INTERRUPTED;
  } finally {
    device.close();
  }
}

/** Run a sweep, or what the options ask of it. */
export async function runSweep(file: string, options: SweepOptions): Promise<void> {
  const name = nameOf(file);
  const out = options.out ?? join("runs", name);
  const sweep = readSweep(file, options.root, out);
  const emitted = { sweep, name, out };
  const { image = "roclip", claim = "roclip" } = options;
  if (options.emit === "slurm") process.stdout.write(slurmScript(emitted));
  else if (options.emit === "k8s") process.stdout.write(kubernetesJob(emitted, { image, claim }));
  else if (options.collect) {
    const more = options.collect === true ? [] : options.collect;
    const absent = more.find((folder) => !existsSync(folder));
    if (absent !== undefined)
      throw new UserError(
        `${absent}: --collect must name folders of sweeps; it is not there; check the path`,
      );
    const outcomes = await collect(sweep, out, more);
    await finishSweep(emitted, outcomes, [out, ...more]);
    noteFailures(outcomes);
  } else await run(emitted, options);
}

const HELP = `
The file:
  preset: small                 under all settings; and further keys in config
  config: {epochs: 12}
  source: {data: train.csv, images: photos/, test: test.csv}     (default: the emoji)
  axes:                         every combination is run
    attack:                     named configurations, or a list of values of one key
      weak: {poison: {captionsPerTarget: 12}}
      strong: {poison: {captionsPerTarget: 40}}
    roclip.frequency: [1, 2, 3]
  cells:                        further settings, by name
    plain: {defence: clip}
    tuned: {defence: cleanclip, pretrained: "cell:plain"}        begins with plain's weights;
                                  printed as jobs, one task runs both
    aside: {epochs: 6, seeds: [1]}                               under these of the seeds alone
  measures: [retrieval, probe]  of every model when it is trained, as of roclip evaluate
  attacksOf: {plain: strong_frequency-1}     and plain's by the attacks of that, of the same seed:
                                what chance alone gives
  on: {cifar10: cifar/}         and evaluation sets: zero-shot and linear probe
  seeds: [1, 2, 3]              every setting under each, but where it has its own

A cell that is done is skipped, an interrupted one goes on from its checkpoint, one that failed is
tried again. PSR and ASR are over the cases of all seeds; ± is the standard deviation over seeds.
"1 of 3" in the column of seeds: the others are not done; "1 of 1": the setting has no others.

Examples:
  roclip sweep fashion.yaml
  roclip sweep fashion.yaml --emit slurm > job.sh
  roclip sweep fashion.yaml --collect`;

/** Add the command to the program. */
export function addSweep(program: Command): void {
  const command = program
    .command("sweep")
    .description("Train a grid of configurations under several seeds, and make one table.")
    .argument("<file>", "JSON or YAML: what to run")
    .option("--out <folder>", "where the cells and tables go (default: runs/<the file's name>)")
    .option("--root <folder>", "where the file's relative paths begin (default: here)")
    .option("--cell <cells...>", "run these alone, by number from 0 or name; writes no table")
    .addOption(
      new Option("--emit <engine>", "print the sweep as a job array; nothing is run").choices([
        "slurm",
        "k8s",
      ]),
    )
    .option("--image <ref>", "--emit k8s: container image with roclip (default: roclip)")
    .option(
      "--claim <name>",
      "--emit k8s: volume claim with the file and its data (default: roclip)",
    )
    .option(
      "--collect [folders...]",
      "make the table of cells run elsewhere, of these folders' runs or cells.jsonl; nothing is run",
    );
  addDeviceOption(command);
  command.addHelpText("after", HELP);
  command.action(runSweep);
}
