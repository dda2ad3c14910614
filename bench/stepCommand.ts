/** `npm run bench -- step`: a training step by kernel, and its time outside the kernels. */
import { Command } from "commander";
import type { Device } from "../engine/device.ts";
import type { Sample } from "../engine/roof.ts";
import type { StepKind } from "../roclip/schedule.ts";
import { beginKernels, type Options, withDevice } from "./command.ts";
import type { Roof, Row } from "./harness.ts";
import { collectRows } from "./rows.ts";
import { measureStep, STEP_CONFIG, type StepTimes } from "./step.ts";
import { formatRow, formatStep } from "./table.ts";

/** A whole step, as `--json` writes it: plain or matching. */
export type WholeStep = StepTimes & { readonly step: string };

/** One kind of step: the whole, and its kernels. */
interface StepResult {
  readonly times: WholeStep;
  readonly rows: readonly (Row & { readonly step: string })[];
}

/** Measure one kind of step and print what it takes; its kernels, slowest first, under a roof. */
async function runStep(
  device: Device,
  seconds: number,
  step: StepKind,
  roof?: Roof,
): Promise<StepResult> {
  console.log(`a ${step} step of the demonstration, batch of noise`);
  const { samples, times } = await measureStep(device, STEP_CONFIG, step, seconds);
  const spent = ({ timesMs }: Sample) => timesMs.reduce((sum, ms) => sum + ms, 0);
  const slowestFirst = [...samples].sort((a, b) => spent(b) - spent(a));
  const rows = roof ? collectRows(roof).add(slowestFirst) : [];
  for (const row of rows) console.log(formatRow(row));
  console.log(`${formatStep(times)}\n`);
  return { times: { step, ...times }, rows: rows.map((row) => ({ step, ...row })) };
}

async function benchStep(_: unknown, command: Command): Promise<void> {
  const { seconds, whole, ...options } = command.optsWithGlobals<Options & { whole?: true }>();
  await withDevice(options, async (device) => {
    const roof = whole ? undefined : await beginKernels(device, seconds);
    const plain = await runStep(device, seconds, "plain", roof);
    const matching = await runStep(device, seconds, "matching", roof);
    const steps = [plain.times, matching.times];
    return whole ? { steps } : { steps, rows: [...plain.rows, ...matching.rows] };
  });
}

/** The subcommand; its other options are those of `bench`. */
export function stepCommand(): Command {
  return new Command("step")
    .description("A training step by kernel, and its time outside the kernels.")
    .option("--whole", "leave out the rows of the kernels, and the roof")
    .exitOverride()
    .action(benchStep);
}
