/** `npm run bench -- scale`: time and memory against the sizes of the search and of the step. */
import { Command } from "commander";
import type { Device } from "../../engine/device.ts";
import { type Column, headText, rowText } from "../columns.ts";
import { type Options, withDevice } from "../command.ts";
import { SEARCHED_POOLS, type SearchRow, searchPoolAtBatches } from "./search.ts";
import { STEP_SIZES, type StepRow, timeStepAt } from "./step.ts";

const BYTES_PER_MB = 1e6;
const GFLOP_PER_MS = 1e6;

const digits = (x: number) => x.toFixed(x < 10 ? 2 : x < 100 ? 1 : 0);
const megabytes = (bytes: number) => (bytes / BYTES_PER_MB).toFixed(2);

/** Multiplications and additions of a search, per second. */
const gflops = ({ B, P, D }: SearchRow, ms: number) => (2 * B * P * D) / ms / GFLOP_PER_MS;

const SEARCH_COLUMNS: readonly Column<SearchRow>[] = [
  { title: "pool", width: 8, text: ({ P }) => String(P) },
  { title: "width", width: 5, text: ({ D }) => String(D) },
  { title: "batch", width: 5, text: ({ B }) => String(B) },
  { title: "ms", width: 8, text: ({ ms }) => (ms === null ? "–" : digits(ms)) },
  {
    title: "GFLOP/s",
    width: 7,
    text: (row) => (row.ms === null ? "–" : digits(gflops(row, row.ms))),
  },
  {
    title: "extra MB",
    width: 8,
    text: ({ extraBytes }) => (extraBytes === null ? "–" : megabytes(extraBytes)),
  },
  { title: "note", width: 62, text: ({ reason = "" }) => reason, left: true },
];

const STEP_COLUMNS: readonly Column<StepRow>[] = [
  { title: "batch", width: 5, text: ({ batch }) => String(batch) },
  { title: "width", width: 5, text: ({ width }) => `×${width}` },
  { title: "depth", width: 5, text: ({ depth }) => `×${depth}` },
  { title: "ms", width: 8, text: ({ ms }) => digits(ms) },
  { title: "peak MB", width: 8, text: ({ peakBytes }) => megabytes(peakBytes) },
  { title: "bound MB", width: 8, text: ({ boundBytes }) => megabytes(boundBytes) },
];

/** The search's table: its head, then a row. */
export const formatSearchHead = (): string => headText(SEARCH_COLUMNS);
export const formatSearch = (row: SearchRow): string => rowText(SEARCH_COLUMNS, row);

/** The step's table: its head, then a row. */
export const formatStepHead = (): string => headText(STEP_COLUMNS);
export const formatStepSize = (row: StepRow): string => rowText(STEP_COLUMNS, row);

async function scale(device: Device, seconds: number) {
  const searches: SearchRow[] = [];
  console.log(`\nthe pool search; extra: beyond operands and results\n${formatSearchHead()}`);
  for (const size of SEARCHED_POOLS) {
    const rows = await searchPoolAtBatches(device, size, seconds);
    for (const row of rows) console.log(formatSearch(row));
    searches.push(...rows);
  }
  const steps: StepRow[] = [];
  console.log("\na matching step of the demonstration, its towers wider and deeper; alone");
  console.log(formatStepHead());
  for (const size of STEP_SIZES) {
    const row = await timeStepAt(device, size, seconds);
    console.log(formatStepSize(row));
    steps.push(row);
  }
  return { searches, steps };
}

async function benchScale(_: unknown, command: Command): Promise<void> {
  const { seconds, ...options } = command.optsWithGlobals<Options>();
  await withDevice(options, (device) => scale(device, seconds));
}

/** The subcommand; its options are those of `bench`. */
export function scaleCommand(): Command {
  return new Command("scale")
    .description("The pool search and a training step against their sizes: time and memory.")
    .exitOverride()
    .action(benchScale);
}
