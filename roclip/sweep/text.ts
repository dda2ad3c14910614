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

/**
 * Under how many seeds a setting was run: of how many, unless all of the sweep's.
 *
 * @param seeds  of the sweep
 */
export function seedsText(row: Row, seeds: number): string {
  const of = Number(row.seeds) + Number(row.failed) + Number(row.unfinished);
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

/** What was asked of the models: a line for each measure, a column for each setting with runs. */
function measuresTable(all: readonly Row[], outcomes: readonly CellOutcome[]): Table {
  const rows = all.filter(({ seeds }) => Number(seeds) > 0);
  const shares = shareNames(outcomes);
  const settings = rows.map(({ setting }) => ({ title: String(setting), numeric: true }));
  const cells = measureNames(outcomes).map((name) => {
    const text = (value: unknown) => measureText(value as number | null, shares.has(name));
    const cell = (row: Row) => {
      const [value, sd] = [row[name], row[`${name} Sd`]];
      return typeof sd === "number" ? `${text(value)} ± ${text(sd)}` : text(value ?? null);
    };
    return [name, ...rows.map(cell)];
  });
  return { columns: [{ title: "measure" }, ...settings], cells };
}

function tablesOf(rows: readonly Row[], outcomes: readonly CellOutcome[]): Table[] {
  const seeds = seedsOf(outcomes).length;
  const first = { columns: COLUMNS, cells: rows.map((row) => cellsOf(row, seeds)) };
  return measureNames(outcomes).length > 0 ? [first, measuresTable(rows, outcomes)] : [first];
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
