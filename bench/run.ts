/** `npm run bench`: every kernel's speed beside what the adapter can do at most. */
import { Command, CommanderError } from "commander";
import type { Device } from "../engine/device.ts";
import type { Sample } from "../engine/roof.ts";
import { UserError } from "../roclip/errors.ts";
import { loadCases } from "../test/cases.ts";
import { addOptions, beginKernels, type Options, withDevice } from "./command.ts";
import type { Row } from "./harness.ts";
import { isaCommand } from "./isa/command.ts";
import { ladderCommand } from "./ladder/command.ts";
import { compareNearest } from "./nearest.ts";
import { type Subject, subjectsOf, timeSubject } from "./ops.ts";
import { peersCommand } from "./peers/command.ts";
import { resultsCommand } from "./report/command.ts";
import { collectRows } from "./rows.ts";
import { scaleCommand } from "./scale/command.ts";
import { stepCommand } from "./stepCommand.ts";
import { formatRow, formatTotal } from "./table.ts";

const BAD_INPUT = 2;

const SEARCH = { B: 256, P: 16_384, D: 512 };
const POOL_MATCH = `nearest in several ways · B=${SEARCH.B} P=${SEARCH.P} D=${SEARCH.D}`;

interface Wanted {
  readonly subjects: readonly Subject[];
  readonly poolMatch: boolean;
}

/** What `--only` leaves. */
function select(all: readonly Subject[], only: string): Wanted {
  const holds = (title: string) => title.toLowerCase().includes(only.toLowerCase());
  const subjects = all.filter(({ title }) => holds(title));
  const poolMatch = holds(POOL_MATCH);
  if (subjects.length > 0 || poolMatch) return { subjects, poolMatch };
  const ops = [...new Set(all.map(({ title }) => title.split(" · ")[0]))].join(", ");
  throw new UserError(
    `bench: --only must be part of a case's or a bench shape's name; "${only}" is part of none; ` +
      `cases with bench shapes are ${ops}`,
  );
}

type Print = (samples: readonly Sample[]) => void;

/** The pool match in all ways: its rows, and how fast each is beside `nearest` in f32. */
async function printPoolMatch(device: Device, seconds: number, print: Print) {
  const { samples, ways } = await compareNearest(device, SEARCH, seconds);
  print(samples);
  for (const [name, times] of Object.entries(ways)) console.log(formatTotal(name, times));
  const own = ways.nearest!.median;
  const speeds = Object.entries(ways).map(([name, { median }]) => {
    return `${name} ${(own / median).toFixed(2)}`;
  });
  console.log(`All find the same rows. How fast, by medians in turns: ${speeds.join("; ")}.\n`);
}

/** Measure everything and print rows as they come; what cannot run is named, and passed over. */
async function run(device: Device, seconds: number, wanted: Wanted): Promise<readonly Row[]> {
  const roof = await beginKernels(device, seconds);
  console.log("the roof");
  const rows = collectRows(roof);
  const print: Print = (samples) => {
    const fresh = rows.add(samples);
    for (const row of fresh) console.log(formatRow(row));
    console.log(fresh.length < samples.length ? "(what is not listed stands above)\n" : "");
  };
  print(roof.samples);
  const attempt = async (title: string, work: () => Promise<void>) => {
    console.log(title);
    try {
      await work();
    } catch (error) {
      console.error(`not measured: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  };
  if (wanted.poolMatch) await attempt(POOL_MATCH, () => printPoolMatch(device, seconds, print));
  for (const subject of wanted.subjects)
    await attempt(subject.title, async () => print(await timeSubject(device, subject, seconds)));
  return rows.all;
}

async function bench(options: Options): Promise<void> {
  const wanted = select(subjectsOf(await loadCases()), options.only);
  await withDevice(options, async (device) => {
    return { rows: await run(device, options.seconds, wanted) };
  });
}

const EXAMPLES = `
Examples:
  npm run bench -- --only layernorm --json rows.json
  npm run bench -- step
  npm run bench -- peers --only conv2d
  npm run bench -- results --measure`;

const program = addOptions(new Command("bench"))
  .description("Time every kernel beside the roof: what the same adapter does at most.")
  .addHelpText("after", EXAMPLES)
  .showHelpAfterError("(see --help)")
  .exitOverride()
  .action(bench);
const commands = [stepCommand, scaleCommand, ladderCommand, isaCommand, peersCommand];
for (const command of [...commands, resultsCommand]) program.addCommand(command());

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : BAD_INPUT;
  else if (error instanceof UserError) {
    console.error(error.message);
    process.exitCode = BAD_INPUT;
  } else throw error;
}
