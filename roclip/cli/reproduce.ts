/** `roclip reproduce`: the experiments behind the results that this project states. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Argument, type Command } from "commander";
import { UserError } from "../errors.ts";
import { addDeviceOption, type DeviceOptions } from "./common.ts";
import { runSweep } from "./sweep.ts";

/** Sweeps that are part of the package, and what each is. */
const EXPERIMENTS = {
  fashion: "40,000 product photos with titles: two strengths of attack, RoCLIP and others, 3 seeds",
} as const;

interface Options extends DeviceOptions {
  readonly data: string;
  readonly out?: string;
}

const fileOf = (name: string) =>
  fileURLToPath(new URL(`../experiments/${name}.yaml`, import.meta.url));

async function runReproduce(name: string, { data, ...options }: Options): Promise<void> {
  if (!existsSync(data))
    throw new UserError(
      `${data}: --data must be the folder that ${fileOf(name)} describes; it is not there; ` +
        "check the path",
    );
  await runSweep(fileOf(name), { ...options, root: data, out: options.out ?? join("runs", name) });
}

/** Add the command to the program. */
export function addReproduce(program: Command): void {
  const lines = Object.entries(EXPERIMENTS).map(([name, what]) => `  ${name}  ${what}`);
  const command = program
    .command("reproduce")
    .description("Run an experiment whose results the project states; hours, and resumable.")
    .addArgument(new Argument("<experiment>", "which").choices(Object.keys(EXPERIMENTS)))
    .requiredOption("--data <folder>", "what it reads; its file in roclip/experiments says what")
    .option("--out <folder>", "where the runs and tables go (default: runs/<experiment>)");
  addDeviceOption(command);
  command.addHelpText(
    "after",
    `
Experiments:
${lines.join("\n")}

Each is a sweep: stop it with Ctrl-C and call it again to go on; roclip sweep <its file>
--root <folder> runs single cells, or prints them as jobs for other machines.

Example:
  roclip reproduce fashion --data fashion/`,
  );
  command.action(runReproduce);
}
