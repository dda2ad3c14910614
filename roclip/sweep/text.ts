/** The tables of a sweep as a person reads them. */
import {
  type Column,
  duration,
  formatCells,
  formatMarkdown,
  measureText,
  percent,
} from "../table.ts";
import { type CellOutcome, measureNames, type Row, shareNames } from "./results.ts";

const COLUMNS: readonly Column[] = [
  { title: "setting" },
  ...["seeds", "epoch", "zero-shot", "class mean", "PSR", "95%", "ASR", "95%", "time"].map(
    (title) => ({ title, numeric: true }),
  ),
];

/** The seeds of a sweep. */
export const seedsOf = (outcomes: readonly CellOutcome[]) => [
  ...new Set(outcomes.map(({ cell }) => cell.seed)),
];

/** Under how many seeds a setting is run, done or not. */
export const seedsAsked = ({ seeds, failed, unfinished }: Row) =>
  Number(seeds) + Number(failed) + Number(unfinished);

/**
 * Under how many seeds a setting was run: of how many, unless all of the sweep's.
 *
 * @param seeds  of the sweep
 */
export function seedsText(row: Row, seeds: number): string {
  const of = seedsAsked(row);
  return row.seeds === of && of === seeds ? String(of) : `${row.seeds} of ${of}`;
}

/** A row of the table as a person reads it. */
function cellsOf(row: Row, seeds: number): string[] {
  const share = (name: string) => percent(row[name] as number | null);
  const withSpread = (name: string) =>
    typeof row[`${name}Sd`] === "number" ? `${share(name)} ± ${share(`${name}Sd`)}` : share(name);
  const interval = (name: string) =>
    row[name] === null ? "" : `${share(`${name}Low`)} – ${share(`${name}High`)}`;
  return [
    String(row.setting),
    seedsText(row, seeds),
    row.epoch === null ? "–" : String(row.epoch),
    withSpread("zeroShotTop1"),
    withSpread("classMean"),
    ...(["psr", "asr"] as const).flatMap((name) => [share(name), interval(name)]),
    row.seconds === null ? "–" : duration(Number(row.seconds)),
  ];
}

/** Columns and cells. */
interface Table {
  readonly columns: readonly Column[];
  readonly cells: readonly (readonly string[])[];
}

const groupOf = (measure: string) => measure.slice(0, measure.indexOf(": "));

/**
 * Measures of one group that were asked of the models, and the settings that have any of them:
 * whichever are more are lines, the others columns.
 */
function groupTable(
  group: string,
  names: readonly string[],
  rows: readonly Row[],
  shares: ReadonlySet<string>,
): Table {
  const text = (row: Row, name: string) => {
    const [mean, sd] = [row[name], row[`${name} Sd`]].map((value) =>
      measureText(value as number | null, shares.has(name)),
    );
    return typeof row[`${name} Sd`] === "number" ? `${mean} ± ${sd}` : mean!;
  };
  const measures = names.map((name) => name.slice(`${group}: `.length));
  const settings = rows.map(({ setting }) => String(setting));
  const down = rows.length > names.length;
  const titles = [group, ...(down ? measures : settings)];
  return {
    columns: titles.map((title, at) => ({ title, numeric: at > 0 })),
    cells: down
      ? rows.map((row, at) => [settings[at]!, ...names.map((name) => text(row, name))])
      : names.map((name, at) => [measures[at]!, ...rows.map((row) => text(row, name))]),
  };
}

/** A table for each group of measures asked of the models; those nobody has are left out. */
function measureTables(rows: readonly Row[], outcomes: readonly CellOutcome[]): Table[] {
  const shares = shareNames(outcomes);
  const has = (row: Row, name: string) => typeof row[name] === "number";
  const known = measureNames(outcomes).filter((name) => rows.some((row) => has(row, name)));
  return [...new Set(known.map(groupOf))].map((group) => {
    const names = known.filter((name) => groupOf(name) === group);
    const having = rows.filter((row) => names.some((name) => has(row, name)));
    return groupTable(group, names, having, shares);
  });
}

function tablesOf(rows: readonly Row[], outcomes: readonly CellOutcome[]): Table[] {
  const seeds = seedsOf(outcomes).length;
  const first = { columns: COLUMNS, cells: rows.map((row) => cellsOf(row, seeds)) };
  return [first, ...measureTables(rows, outcomes)];
}

/** The tables for a terminal. */
export function sweepText(rows: readonly Row[], outcomes: readonly CellOutcome[]): string {
  return tablesOf(rows, outcomes)
    .map(({ columns, cells }) => formatCells(columns, cells))
    .join("\n\n");
}

/**
 * The same as a document.
 *
 * @param command  that makes it again
 */
export function sweepMarkdown(
  title: string,
  command: string,
  rows: readonly Row[],
  outcomes: readonly CellOutcome[],
): string {
  const done = outcomes.flatMap(({ outcome }) => (outcome.kind === "done" ? [outcome] : []));
  const adapters = [...new Set(done.map(({ adapter }) => adapter))].join("; ") || "none yet";
  const seeds = seedsOf(outcomes).join(", ");
  const tables = tablesOf(rows, outcomes)
    .map(({ columns, cells }) => `${formatMarkdown(columns, cells)}\n`)
    .join("\n");
  return `# ${title}

\`${command}\`

Seeds ${seeds}; ${done.length} of ${outcomes.length} runs done; adapter: ${adapters}. At the last
epoch. PSR and ASR are over the cases of all seeds, with 95% intervals (Wilson); the others are
means, ± the standard deviation over seeds.

${tables}`;
}
