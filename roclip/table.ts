/** Tables that commands print, and the result rows that they also write as JSON. */
import type { MeasureRow } from "./assess.ts";
import { DEFENCE_NAMES, type Defence, type RunResult } from "./report/data.ts";

/** One run at one epoch, as `--json` writes it. Shares are in [0, 1]; null where not measured. */
export interface ResultRow {
  readonly defence: Defence;
  readonly seed: number;
  readonly epoch: number;
  readonly zeroShotTop1: number | null;
  readonly classMean: number | null;
  readonly psr: number | null;
  readonly asr: number | null;
  readonly pairsPerSecond: number | null;
}

/** A number JSON can hold. */
function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** A column of `formatCells`. */
export interface Column {
  readonly title: string;
  /** Flush right. */
  readonly numeric?: boolean;
}

/** Cells as lines of text under titles and a rule, columns as wide as their widest cell. */
export function formatCells(
  columns: readonly Column[],
  cells: readonly (readonly string[])[],
): string {
  const titles = columns.map(({ title }) => title);
  const widths = titles.map((_, c) => Math.max(...[titles, ...cells].map((row) => row[c]!.length)));
  const pad = (cell: string, c: number) =>
    columns[c]!.numeric ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!);
  const line = (row: readonly string[]) => row.map(pad).join("  ").trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [line(titles), rule, ...cells.map(line)].join("\n");
}

/** The same as a table in Markdown. */
export function formatMarkdown(
  columns: readonly Column[],
  cells: readonly (readonly string[])[],
): string {
  const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  const rule = columns.map(({ numeric }) => (numeric ? "--:" : "---"));
  return [line(columns.map(({ title }) => title)), line(rule), ...cells.map(line)].join("\n");
}

/** The last epoch of each run that has one. */
export function resultRows(runs: readonly RunResult[]): ResultRow[] {
  return runs.flatMap(({ defence, seed, epochs }) => {
    const last = epochs.at(-1);
    if (!last) return [];
    return [
      {
        defence,
        seed,
        epoch: last.epoch,
        zeroShotTop1: orNull(last.zeroShotTop1),
        classMean: orNull(last.classMean),
        psr: orNull(last.psr),
        asr: orNull(last.asr),
        pairsPerSecond: orNull(last.pairsPerSecond),
      },
    ];
  });
}

/** Whether a measure is a share of something: a rate of cases, a mean of rates, a precision. */
export function isShare({ cases, measure }: Pick<MeasureRow, "cases" | "measure">): boolean {
  return cases !== undefined || /class mean|kept$|^precision at/.test(measure);
}

/** A measured number: a share as per cent, any other with four digits; a dash without one. */
export function measureText(value: number | null, share: boolean): string {
  if (value === null) return "–";
  return share ? percent(value) : String(+value.toPrecision(4));
}

/** A share as per cent with one decimal; a dash where not measured. */
export function percent(share: number | null): string {
  return share === null || !Number.isFinite(share) ? "–" : `${(100 * share).toFixed(1)}%`;
}

const COLUMNS: readonly Column[] = [
  { title: "defence" },
  ...["seed", "epoch", "zero-shot", "class mean", "PSR", "ASR", "pairs/s"].map(
    (title): Column => ({ title, numeric: true }),
  ),
];

/** The rows as lines of text. */
export function formatTable(rows: readonly ResultRow[]): string {
  const cells = rows.map((row) => [
    DEFENCE_NAMES[row.defence],
    String(row.seed),
    String(row.epoch),
    percent(row.zeroShotTop1),
    percent(row.classMean),
    percent(row.psr),
    percent(row.asr),
    row.pairsPerSecond === null ? "–" : String(Math.round(row.pairsPerSecond)),
  ]);
  return formatCells(COLUMNS, cells);
}

/** Seconds as "3 s", "2 min 05 s" or "1 h 02 min". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [
    Math.floor(whole / 3600),
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  const two = (n: number) => String(n).padStart(2, "0");
  if (hours > 0) return `${hours} h ${two(minutes)} min`;
  return minutes > 0 ? `${minutes} min ${two(rest)} s` : `${rest} s`;
}
