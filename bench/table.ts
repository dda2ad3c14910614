/** Rows as text of at most 120 columns, printed as they come. */
import { type Column, headText, rowText } from "./columns.ts";
import type { Row } from "./harness.ts";
import type { StepTimes } from "./step.ts";

const US_PER_S = 1e6;

/** Fewer decimals the larger the number; at most `most`. */
const digits = (x: number, most: number) => x.toFixed(x < 10 ? most : x < 100 ? 1 : 0);
const rate = (x: number) => digits(x, 2);

/** In seconds, and saying so, where the slowest takes one. */
function timeText({ medianUs, p10Us, p90Us }: Row): string {
  const time = (us: number) => (p90Us < US_PER_S ? digits(us, 1) : `${digits(us / US_PER_S, 2)}s`);
  return `${time(medianUs)} [${time(p10Us)}–${time(p90Us)}]`;
}

const constsText = ({ consts }: Row) =>
  Object.entries(consts)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

const COLUMNS: readonly Column<Row>[] = [
  { title: "kernel", width: 21, text: (row) => row.kernel, left: true },
  { title: "shape", width: 29, text: (row) => row.shape, left: true },
  { title: "consts", width: 17, text: constsText, left: true },
  { title: "median µs [p10–p90]", width: 23, text: timeText },
  { title: "GFLOP/s", width: 7, text: (row) => (row.gflops > 0 ? rate(row.gflops) : "–") },
  { title: "GB/s", width: 5, text: (row) => rate(row.gbs) },
  { title: "% roof", width: 6, text: (row) => (100 * row.roofShare).toFixed(1) },
];

/** The head of the table. */
export const formatHead = (): string => headText(COLUMNS);

/** A row of the table. */
export const formatRow = (row: Row): string => rowText(COLUMNS, row);

/** A line below the table for something that is more than one kernel. */
export function formatTotal(
  name: string,
  { p10, median, p90 }: { readonly p10: number; readonly median: number; readonly p90: number },
): string {
  const [middle, low, high] = [median, p10, p90].map((ms) => digits(ms, 2));
  return `${name.padEnd(COLUMNS[0]!.width)}  ${middle} ms [${low}–${high}]`;
}

const BYTES_PER_MB = 1e6;

/** The lines below a step's kernels. */
export function formatStep(times: StepTimes): string {
  const { dispatches, kernelsMs, wallMs, idleShare, uploadMs, readMs, peakBytes } = times;
  const { jsUsPerDispatch, bareUsPerDispatch, jsRatio, boundBytes } = times;
  const [peak, bound] = [peakBytes, boundBytes].map((b) => (b / BYTES_PER_MB).toFixed(2));
  return [
    `${dispatches} dispatches, each in a pass of its own: ${digits(kernelsMs, 2)} ms`,
    `a step among many: ${digits(wallMs, 2)} ms; the queue is idle ${(100 * idleShare).toFixed(1)} %`,
    `JavaScript: ${digits(jsUsPerDispatch, 2)} µs a dispatch, ${jsRatio.toFixed(2)} of a bare loop's ` +
      `(${digits(bareUsPerDispatch, 2)}); upload ${digits(uploadMs, 2)} ms; ` +
      `read of the loss ${digits(readMs, 2)} ms`,
    `memory: ${peak} MB in slots; no layout can need less than ${bound} MB`,
  ].join("\n");
}
