/** `roclip tune`: measure which kernel constants are fastest here, and keep them. */
import type { Command } from "commander";
import type { Device, TuneRow } from "../../engine/index.ts";
import { DEMO } from "../configs/demo.ts";
import { type Column, duration, formatCells } from "../table.ts";
import { type TunedSteps, tuneSteps } from "../tuning.ts";
import {
  addConfigOptions,
  addDeviceOption,
  configOf,
  type DeviceOptions,
  openNamedDevice,
  stopSignal,
  wholeNumber,
  writeRows,
} from "./common.ts";
import { showProgress } from "./progress.ts";

interface Options extends DeviceOptions {
  readonly config?: string;
  readonly budget: number;
  readonly pairs: number;
  readonly sameBits?: boolean;
  readonly json?: string;
}

const BUDGET = 90; // seconds: with the last comparison, under two minutes
const PAIRS = 5000; // about as many as the demonstration trains on
const SIZES_WIDTH = 44;

const percent = (share: number) => `${Math.round(100 * share)}%`;

/** Constants by which the choice differs from the default: `ROWS 32 → 16`. */
function changeOf({ usual, chosen, reorders }: TuneRow): string {
  const names = Object.keys(usual).filter((name) => usual[name] !== chosen[name]);
  const changes = names.map((name) => `${name} ${usual[name]} → ${chosen[name]}`);
  return changes.length > 0 ? changes.join(", ") + (reorders ? " *" : "") : "default";
}

/** The shape class without the kernel's name, cut to fit. */
function sizesOf({ kernel, shape }: TuneRow): string {
  const text = shape.slice(kernel.length + 1);
  return text.length > SIZES_WIDTH ? `${text.slice(0, SIZES_WIDTH - 1)}…` : text;
}

const COLUMNS: readonly Column[] = [
  { title: "kernel" },
  { title: "shape class" },
  { title: "of step", numeric: true },
  { title: "of roof", numeric: true },
  { title: "tried", numeric: true },
  { title: "gain", numeric: true },
  { title: "constants" },
];

function cellsOf(row: TuneRow): string[] {
  return [
    row.kernel,
    sizesOf(row),
    percent(row.timeShare),
    percent(row.roofShare),
    `${row.tried}/${row.candidates}`,
    row.gain === 1 ? "–" : row.gain.toFixed(2),
    changeOf(row),
  ];
}

/** What was found, in words. */
function printTuned(tuned: TunedSteps): void {
  const { rows, unreached, negligible, steps, path } = tuned;
  console.log(`\n${formatCells(COLUMNS, rows.map(cellsOf))}\n`);
  if (rows.some(({ reorders }) => reorders))
    console.log("* sums in another order than the default: last bits may differ");
  console.log(`${negligible} classes under 1% of the time each were left as they are.`);
  if (unreached > 0)
    console.log(`${unreached} classes were not reached; give --budget for more time.`);
  for (const { step, beforeMs, afterMs, gain, spread } of steps)
    console.log(
      `A ${step} step: ${beforeMs.toFixed(1)} ms by default, ${afterMs.toFixed(1)} ms tuned ` +
        `(medians, in turns); pair by pair ${gain.toFixed(2)} times as fast ` +
        `(half of the pairs: ${spread.map((ratio) => ratio.toFixed(2)).join("–")}).`,
    );
  console.log(`Kept in ${path}; delete it to go back to the defaults.`);
}

/** Tune with progress on the terminal. */
async function tuneShown(device: Device, options: Options, goOn: () => boolean) {
  const config = configOf({ ...options }, DEMO);
  const { sameBits = false, pairs } = options;
  console.log("Measuring the roof and each kernel's share of the step.");
  let display: ReturnType<typeof showProgress> | undefined;
  try {
    return await tuneSteps(device, config, pairs, {
      sameBits,
      goOn,
      onProgress({ done, of, shape, gain }) {
        display ??= showProgress("tuning", of);
        const best = gain > 1 ? `best so far ${gain.toFixed(2)} × default` : "default so far";
        display.update(done, `${shape.split(" ")[0]}: ${best}`);
      },
    });
  } finally {
    display?.stop();
  }
}

async function runTune(options: Options): Promise<void> {
  const begun = performance.now();
  const signal = stopSignal();
  const goOn = () => !signal.aborted && performance.now() - begun < 1000 * options.budget;
  const device = await openNamedDevice(options);
  try {
    const tuned = await tuneShown(device, options, goOn);
    printTuned(tuned);
    console.log(`Done in ${duration((performance.now() - begun) / 1000)}.`);
    const { rows, steps } = tuned;
    writeRows(options.json, { adapter: device.name, rows, steps });
  } finally {
    device.close();
  }
}

/** Add the command to the program. */
export function addTune(program: Command): void {
  const command = program
    .command("tune")
    .description("Measure which kernel constants are fastest on this adapter, and keep them.")
    .option(
      "--budget <seconds>",
      "begin with no further candidate after so long",
      wholeNumber,
      BUDGET,
    )
    .option("--pairs <n>", "training pairs, of which a pool may be a share", wholeNumber, PAIRS)
    .option("--same-bits", "only constants that give the same bits as the defaults")
    .option("--json <file>", "also write the table as JSON");
  addDeviceOption(command);
  addConfigOptions(command);
  command.addHelpText(
    "after",
    `
The configuration is the demo's unless --config or flags say otherwise. train, demo and evaluate use
what was kept for the adapter and driver; results may then differ in their last bits where a
constant changes the order of a sum (marked * in the table).

Examples:
  roclip tune
  roclip tune --config run.json --budget 300 --same-bits`,
  );
  command.action(runTune);
}
