/** The tables of a sweep as a person reads them. */
import { type Column, duration, formatCells, formatMarkdown, percent } from "../table.ts";
import { type CellOutcome, measureNames, type Row } from "./results.ts";

const COLUMNS: readonly Column[] = [
  { title: "setting" },
  ...["seeds", "epoch", "zero-shot", "class mean", "PSR", "95%", "ASR", "95%", "time"].map(
    (title) => ({ title, numeric: true }),
  ),
];

/** A row of the table as a person reads it. */
function cellsOf(row: Row): string[] {
  const share = (name: string) => percent(row[name] as number | null);
  const withSpread = (name: string) =>
    typeof row[`${name}Sd`] === "number" ? `${share(name)} ± ${share(`${name}Sd`)}` : share(name);
  const interval = (name: string) =>
    row[name] === null ? "" : `${share(`${name}Low`)} – ${share(`${name}High`)}`;
  const of = Number(row.seeds) + Number(row.failed) + Number(row.unfinished);
  return [
    String(row.setting),
    row.seeds === of ? String(of) : `${row.seeds} of ${of}`,
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

/** A share as per cent; what is no share with four digits. */
const valueText = (value: number) =>
  value >= 0 && value <= 1 ? percent(value) : String(+value.toPrecision(4));

/** What was asked of the models: a line for each measure, a column for each setting. */
function measuresTable(rows: readonly Row[], names: readonly string[]): Table {
  const settings = rows.map(({ setting }) => ({ title: String(setting), numeric: true }));
  const cell = (row: Row, name: string) => {
    const [value, sd] = [row[name], row[`${name} Sd`]];
    if (typeof value !== "number") return "–";
    return typeof sd === "number" ? `${valueText(value)} ± ${valueText(sd)}` : valueText(value);
  };
  const cells = names.map((name) => [name, ...rows.map((row) => cell(row, name))]);
  return { columns: [{ title: "measure" }, ...settings], cells };
}

function tablesOf(rows: readonly Row[], outcomes: readonly CellOutcome[]): Table[] {
  const names = measureNames(outcomes);
  const first = { columns: COLUMNS, cells: rows.map(cellsOf) };
  return names.length > 0 ? [first, measuresTable(rows, names)] : [first];
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
  const seeds = [...new Set(outcomes.map(({ cell }) => cell.seed))].join(", ");
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
