/** `npm run bench -- ladder`: matmul and nearest, one idea after another. */
import { Command } from "commander";
import type { Device } from "../../engine/device.ts";
import { UserError } from "../../roclip/errors.ts";
import { type Column, headText, rowText } from "../columns.ts";
import { type Options, withDevice } from "../command.ts";
import { findRadv, type Radv } from "../isa/radv.ts";
import { checkRung, measureLadder, type RungCode, type RungRow, TARGET } from "./measure.ts";
import { ladders } from "./rungs.ts";

const digits = (x: number) => x.toFixed(x < 10 ? 2 : x < 100 ? 1 : 0);
const ofCode = (text: (code: RungCode) => string) => (row: RungRow) =>
  row.code ? text(row.code) : "–";
const bytes = (count: number | null) => (count === null ? "–" : count.toFixed(2));

const COLUMNS: readonly Column<RungRow>[] = [
  { title: "op", width: 8, text: ({ op }) => op, left: true },
  { title: "rung", width: 30, text: ({ rung }) => rung, left: true },
  { title: "kernel", width: 18, text: ({ kernel }) => kernel, left: true },
  {
    title: "ms [p10–p90]",
    width: 18,
    text: ({ ms, p10, p90 }) => `${digits(ms)} [${digits(p10)}–${digits(p90)}]`,
  },
  { title: "GFLOP/s", width: 7, text: ({ gflops }) => digits(gflops) },
  { title: "FMA", width: 4, text: ofCode(({ fmaShare }) => `${(100 * fmaShare).toFixed(0)}%`) },
  { title: "LDS B", width: 5, text: ofCode(({ ldsBytesPerFma }) => bytes(ldsBytesPerFma)) },
  { title: "mem B", width: 5, text: ofCode(({ memoryBytesPerFma }) => bytes(memoryBytesPerFma)) },
  { title: "VGPRs", width: 5, text: ofCode(({ vgprs }) => String(vgprs)) },
];

/** The head of the table. */
export const formatLadderHead = (): string => headText(COLUMNS);

/** A row of it. */
export const formatRung = (row: RungRow): string => rowText(COLUMNS, row);

/** The compiler, or nothing and why. */
function compilerIfAny(): Radv | undefined {
  try {
    return findRadv();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.log(`not compiled: ${error.message}`);
    return undefined;
  }
}

async function climb(device: Device, only: string, seconds: number) {
  const wanted = ladders.filter(({ op }) => op.includes(only.toLowerCase()));
  if (wanted.length === 0)
    throw new UserError(
      `bench ladder: --only must be part of ${ladders.map(({ op }) => op).join(" or ")}; ` +
        `it is "${only}"`,
    );
  const radv = compilerIfAny();
  console.log("each rung is held against float64, then all are timed in turns;");
  console.log(`FMA to VGPRs: of the hot loop, compiled for ${TARGET}, not run (see bench isa)\n`);
  console.log(formatLadderHead());
  const rows: RungRow[] = [];
  for (const ladder of wanted) {
    for (const rung of ladder.rungs) await checkRung(device, ladder, rung);
    const found = await measureLadder(device, ladder, seconds, radv);
    for (const row of found) console.log(formatRung(row));
    rows.push(...found);
  }
  return { rows };
}

async function benchLadder(_: unknown, command: Command): Promise<void> {
  const { seconds, only, ...options } = command.optsWithGlobals<Options>();
  await withDevice(options, (device) => climb(device, only, seconds));
}

/** The subcommand; its options are those of `bench`. */
export function ladderCommand(): Command {
  return new Command("ladder")
    .description("matmul and nearest from the plainest kernel on, one idea a rung (bench/ladder).")
    .exitOverride()
    .action(benchLadder);
}
