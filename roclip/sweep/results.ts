/** What the cells of a sweep came to: a file in the folder of each, a row for each setting. */
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { MeasureRow } from "../assess.ts";
import { writeAtomically } from "../checkpoint.ts";
import { parseConfig } from "../config.ts";
import { UserError } from "../errors.ts";
import { type Rate, wilson } from "../measures.ts";
import type { EpochResult, RunResult } from "../report/data.ts";
import { RUN_FILES, withNaN } from "../runFolder.ts";
import type { Config } from "../schema.ts";
import { isShare } from "../table.ts";
import type { Cell, Sweep } from "./file.ts";

/** Of the files that say what cells came to: raise it when their meaning changes. */
export const VERSION = 2;

/** Names of the files that a sweep adds to the folder of a cell. */
const FILES = { result: "result.json", failure: "failure.json" } as const;

/** A cell that is done. */
export interface Done {
  readonly result: RunResult;
  /** What was asked of its model besides. */
  readonly measures: readonly MeasureRow[];
  readonly adapter: string;
}

/** What a cell came to. */
export type Outcome =
  | ({ readonly kind: "done" } & Done)
  | { readonly kind: "failed"; readonly error: string }
  | { readonly kind: "begun" }
  | { readonly kind: "missing" };

/** The folder of a cell. */
export function cellFolder(out: string, { name }: Cell): string {
  return join(out, name);
}

async function write(folder: string, file: string, content: object): Promise<void> {
  const text = `${JSON.stringify({ version: VERSION, ...content }, undefined, 2)}\n`;
  await writeAtomically(join(folder, file), new TextEncoder().encode(text));
}

/** Keep the result of a cell; what was written of an earlier failure goes. */
export async function keepResult(
  folder: string,
  { name, config, asked }: Cell,
  done: Done,
): Promise<void> {
  await write(folder, FILES.result, { cell: name, config, asked, ...done });
  await rm(join(folder, FILES.failure), { force: true });
}

/** Keep why a cell failed. */
export async function keepFailure(folder: string, { name }: Cell, error: string): Promise<void> {
  await write(folder, FILES.failure, { cell: name, error });
}

/** @throws UserError unless the file is JSON of this version */
async function readVersioned(path: string): Promise<Record<string, unknown>> {
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      `${path}: must be what roclip sweep wrote; ${found}; move the cell's folder away to run it again`,
    );
  }
  if (json.version === VERSION) return json;
  throw new UserError(
    `${path}: must be of version ${VERSION}; found ${JSON.stringify(json.version) ?? "none"}; ` +
      "use the program that wrote it, or another --out",
  );
}

/** @throws UserError unless the configuration that a file states for a cell is the cell's */
export function requireSame(path: string, cell: Cell, json: unknown): void {
  const found: Config = parseConfig(json, path);
  const differs = (Object.keys(found) as (keyof Config)[]).filter(
    (key) => JSON.stringify(found[key]) !== JSON.stringify(cell.config[key]),
  );
  if (differs.length === 0) return;
  throw new UserError(
    `${path}: cell "${cell.name}" must have the configuration of the sweep's file; ` +
      `${differs.join(", ")} differs; put the file back, or choose another folder`,
  );
}

/** A cell that is done, of what JSON kept of it. */
export function asDone(json: Record<string, unknown>): Done {
  const { result, measures, adapter } = json as unknown as Done;
  const epochs = result.epochs.map((epoch) => withNaN({ ...epoch }));
  return { result: { ...result, epochs }, measures, adapter };
}

/**
 * What a cell has come to, by its folder. A trained model of which other measures were asked is not
 * done: it goes on from its checkpoint, which is its end.
 *
 * @throws  UserError when the folder is of another configuration, or a file of another version
 */
export async function outcomeOf(folder: string, cell: Cell): Promise<Outcome> {
  const path = join(folder, FILES.result);
  if (existsSync(path)) {
    const { config, asked: before, ...rest } = await readVersioned(path);
    requireSame(path, cell, config);
    if (JSON.stringify(before) !== JSON.stringify(cell.asked)) return { kind: "begun" };
    return { kind: "done", ...asDone(rest) };
  }
  const begun = join(folder, RUN_FILES.config);
  if (existsSync(begun)) requireSame(begun, cell, JSON.parse(await readFile(begun, "utf8")));
  const failed = join(folder, FILES.failure);
  if (existsSync(failed))
    return { kind: "failed", error: String((await readVersioned(failed)).error) };
  return { kind: existsSync(begun) ? "begun" : "missing" };
}

/** A cell and what it came to. */
export interface CellOutcome {
  readonly cell: Cell;
  readonly outcome: Outcome;
}

/** One row of a table; its columns are the same in every row of it. */
export type Row = Readonly<Record<string, string | number | null>>;

const orNull = (value: number | undefined) =>
  value !== undefined && Number.isFinite(value) ? value : null;

/** Mean and sample standard deviation; null where there is no number, or one alone. */
function spread(values: readonly (number | undefined)[]): [mean: number | null, sd: number | null] {
  const known = values.filter((value): value is number => orNull(value ?? Number.NaN) !== null);
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return [orNull(mean), known.length > 1 ? Math.sqrt(squares / (known.length - 1)) : null];
}

/** A rate over the cases of all seeds together, with its Wilson interval. */
function pooled(
  runs: readonly RunResult[],
  measure: "psr" | "asr",
  count: "targets" | "triggered",
): Rate {
  const cases = runs.map(({ epochs, counts }) => {
    const share = epochs.at(-1)?.[measure] ?? Number.NaN;
    return Number.isFinite(share) ? { share, count: counts?.[count] ?? 0 } : { share: 0, count: 0 };
  });
  return wilson(
    cases.reduce((sum, { share, count }) => sum + Math.round(share * count), 0),
    cases.reduce((sum, { count }) => sum + count, 0),
  );
}

/** A pooled rate as columns. */
function rateColumns(name: "psr" | "asr", { value, low, high, count }: Rate): Row {
  const known = (x: number) => (count > 0 ? x : null);
  return {
    [name]: known(value),
    [`${name}Low`]: known(low),
    [`${name}High`]: known(high),
    [`${name}Cases`]: count,
  };
}

/** The part of a sweep that its tables need. */
type Axes = Pick<Sweep, "axes">;

/** What was chosen on each axis; null for a setting that is not of the grid. */
const choicesOf = ({ axes }: Axes, { choices }: Cell): Row =>
  Object.fromEntries(axes.map((axis) => [axis, choices[axis] ?? null]));

const lastOf = ({ epochs }: RunResult): Partial<EpochResult> => epochs.at(-1) ?? {};

/** The name of a measure as a column. */
const measureName = ({ group, measure }: MeasureRow) => `${group}: ${measure}`;

const measuresOf = ({ outcome }: CellOutcome) => (outcome.kind === "done" ? outcome.measures : []);

/** What was asked of the models of a sweep, by the names of its columns. */
export const measureNames = (outcomes: readonly CellOutcome[]): string[] => [
  ...new Set(outcomes.flatMap(measuresOf).map(measureName)),
];

/** Those of them that are shares. */
export const shareNames = (outcomes: readonly CellOutcome[]): ReadonlySet<string> =>
  new Set(outcomes.flatMap(measuresOf).filter(isShare).map(measureName));

/** Means over seeds of what was asked of the models, and standard deviations. */
function measureColumns(names: readonly string[], outcomes: readonly CellOutcome[]): Row {
  const rows = outcomes.flatMap(measuresOf);
  const columns = names.map((name) => {
    const values = rows.filter((row) => measureName(row) === name).map(({ value }) => value);
    const [mean, sd] = spread(values.map((value) => value ?? Number.NaN));
    return { [name]: mean, [`${name} Sd`]: sd };
  });
  return Object.assign({}, ...columns);
}

/** The row of one setting: means over its seeds, PSR and ASR over the cases of all seeds. */
function settingRow(sweep: Axes, outcomes: readonly CellOutcome[], names: readonly string[]): Row {
  const { cell } = outcomes[0]!;
  const done = outcomes.flatMap(({ outcome }) => (outcome.kind === "done" ? [outcome.result] : []));
  const of = (measure: keyof EpochResult) =>
    spread(done.map((run) => lastOf(run)[measure] as number | undefined));
  const [zeroShotTop1, zeroShotTop1Sd] = of("zeroShotTop1");
  const [classMean, classMeanSd] = of("classMean");
  const seconds = done.map(({ epochs }) => epochs.reduce((sum, row) => sum + row.seconds, 0));
  const { epoch, phase } = done.map(lastOf)[0] ?? {};
  return {
    setting: cell.setting,
    ...choicesOf(sweep, cell),
    seeds: done.length,
    failed: outcomes.filter(({ outcome }) => outcome.kind === "failed").length,
    unfinished: outcomes.filter(({ outcome }) => /begun|missing/.test(outcome.kind)).length,
    epoch: epoch ?? null,
    epochKind: phase ?? null,
    ...{ zeroShotTop1, zeroShotTop1Sd, classMean, classMeanSd },
    ...rateColumns("psr", pooled(done, "psr", "targets")),
    ...rateColumns("asr", pooled(done, "asr", "triggered")),
    trueClassTarget: of("trueClassTarget")[0],
    trueClassTriggered: of("trueClassTriggered")[0],
    pairsPerSecond: of("pairsPerSecond")[0],
    seconds: spread(seconds)[0],
    ...measureColumns(names, outcomes),
  };
}

/**
 * The table of a sweep: one row for each setting, at the last epoch.
 *
 * `psr` and `asr` are over the cases of all seeds together, with the Wilson 95% interval; the other
 * measures are means over seeds, `…Sd` their sample standard deviations.
 */
export function settingRows(sweep: Axes, outcomes: readonly CellOutcome[]): Row[] {
  const settings = [...new Set(outcomes.map(({ cell }) => cell.setting))];
  const names = measureNames(outcomes);
  return settings.map((name) =>
    settingRow(
      sweep,
      outcomes.filter(({ cell }) => cell.setting === name),
      names,
    ),
  );
}

/** One row for each cell: its last epoch, or why there is none. */
export function cellRows(sweep: Axes, outcomes: readonly CellOutcome[]): Row[] {
  const names = measureNames(outcomes);
  return outcomes.map((found) => {
    const { cell, outcome } = found;
    const values = measuresOf(found).map((row) => [measureName(row), row.value]);
    const result = outcome.kind === "done" ? outcome.result : undefined;
    const last = result ? lastOf(result) : {};
    return {
      cell: cell.name,
      setting: cell.setting,
      ...choicesOf(sweep, cell),
      seed: cell.seed,
      state: outcome.kind,
      error: outcome.kind === "failed" ? outcome.error : null,
      epoch: last.epoch ?? null,
      zeroShotTop1: orNull(last.zeroShotTop1),
      classMean: orNull(last.classMean),
      psr: orNull(last.psr),
      targets: result?.counts?.targets ?? null,
      asr: orNull(last.asr),
      triggered: result?.counts?.triggered ?? null,
      adapter: outcome.kind === "done" ? outcome.adapter : null,
      ...Object.fromEntries([...names.map((name) => [name, null]), ...values]),
    };
  });
}
