/** What the subcommands of `npm run bench` share: options, the opened device, the written file. */
import { existsSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { ADAPTER_CHOICES, type AdapterChoice } from "../engine/adapter.ts";
import { type Device, openDevice } from "../engine/device.ts";
import { UserError } from "../roclip/errors.ts";
import { formatMachine, machineOf } from "./machine.ts";
import { type MeasuredRoof, measureRoof } from "./roof.ts";
import { formatHead } from "./table.ts";

/** The options of `bench`, which its subcommands take as well. */
export interface Options {
  readonly only: string;
  readonly seconds: number;
  readonly json?: string;
  readonly adapter?: AdapterChoice;
}

const DEFAULT_SECONDS = 0.2;

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number above 0.");
}

/** Refused before the measurement, not after it. */
export function writable(path: string): string {
  if (!existsSync(dirname(path)))
    throw new InvalidArgumentError(`The folder ${dirname(path)} must exist.`);
  if (existsSync(path) && statSync(path).isDirectory())
    throw new InvalidArgumentError("It must be a file, not a folder.");
  return path;
}

/** Give a command the options. */
export function addOptions(command: Command): Command {
  return command
    .option("--only <text>", "only cases whose name, or whose shape's name, holds this text", "")
    .option("--seconds <number>", "how long to repeat each row", positive, DEFAULT_SECONDS)
    .option("--json <file>", "also write the rows to a file", writable)
    .addOption(new Option("--adapter <choice>", "which adapter").choices(ADAPTER_CHOICES));
}

/** Open a device, say what it is, and do the work; what was found is written where asked for. */
export async function withDevice(
  { adapter, json }: Pick<Options, "adapter" | "json">,
  work: (device: Device) => Promise<object>,
): Promise<void> {
  const device = await openDevice(adapter).catch((error: unknown) => {
    throw new UserError(error instanceof Error ? error.message : String(error));
  });
  try {
    const machine = machineOf(device);
    console.log(formatMachine(machine));
    const found = { machine, ...(await work(device)) };
    if (json) writeFileSync(json, `${JSON.stringify(found, undefined, 2)}\n`);
  } finally {
    device.close();
  }
}

/** Measure the roof and print the head of a table of kernels. */
export async function beginKernels(device: Device, seconds: number): Promise<MeasuredRoof> {
  const roof = await measureRoof(device, seconds);
  const peaks = `${roof.peakGflops.toFixed(1)} GFLOP/s, ${roof.peakGBs.toFixed(2)} GB/s`;
  console.log(`roof     ${peaks}: the fastest run of roof_fma and of roof_copy`);
  console.log("         (above 100 %: operands that stay in a cache, where the copy's do not)\n");
  console.log(formatHead());
  return roof;
}
