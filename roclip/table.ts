/** The result table of a command, for the terminal and for `--json`. */
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

/** A share as per cent with one decimal; a dash where not measured. */
export function percent(share: number | null): string {
  return share === null || !Number.isFinite(share) ? "–" : `${(100 * share).toFixed(1)}%`;
}

const HEADER = ["defence", "seed", "epoch", "zero-shot", "class mean", "PSR", "ASR", "pairs/s"];

/**
 * The rows as lines of text: columns as wide as their widest cell, the first to the left and the
 * numbers to the right.
 */
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
  const widths = HEADER.map((_, c) => Math.max(...[HEADER, ...cells].map((row) => row[c]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!)))
      .join("  ");
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [line(HEADER), rule, ...cells.map(line)].join("\n");
}
