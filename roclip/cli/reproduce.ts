/** `roclip reproduce`: the experiments behind the results that this project states. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Argument, type Command } from "commander";
import { UserError } from "../errors.ts";
import { addDeviceOption, type DeviceOptions } from "./common.ts";
import { runSweep } from "./sweep.ts";

/** Sweeps that are part of the package: what each is, and whether it reads data of the user's. */
const EXPERIMENTS = {
  fashion: {
    what: "40,000 photos with titles: three attacks, RoCLIP and what it is compared with, 1 or 3 seeds",
    reads: true,
  },
  emoji: {
    what: "the judge beside CLIP and RoCLIP on the demo's emoji and attacks, 3 seeds",
    reads: false,
  },
  precision: {
    what: "mixed precision beside f32, small models on the emoji, 3 or 6 seeds",
    reads: false,
  },
} as const;

interface Options extends DeviceOptions {
  readonly data?: string;
  readonly out?: string;
}

const fileOf = (name: string) =>
  fileURLToPath(new URL(`../experiments/${name}.yaml`, import.meta.url));

async function runReproduce(
  name: keyof typeof EXPERIMENTS,
  { data, ...options }: Options,
): Promise<void> {
  if (EXPERIMENTS[name].reads && !(data && existsSync(data)))
    throw new UserError(
      `${data ?? name}: --data must be the folder that ${fileOf(name)} describes; ` +
        `it is not ${data ? "there; check the path" : "given; give it"}`,
    );
  const root = data === undefined ? {} : { root: data };
  await runSweep(fileOf(name), { ...options, ...root, out: options.out ?? join("runs", name) });
}

/** Add the command to the program. */
export function addReproduce(program: Command): void {
  const lines = Object.entries(EXPERIMENTS).map(
    ([name, { what }]) => `  ${name.padEnd(10)} ${what}`,
  );
  const command = program
    .command("reproduce")
    .description("Run an experiment whose results the project states; hours, and resumable.")
    .addArgument(new Argument("<experiment>", "which").choices(Object.keys(EXPERIMENTS)))
    .option("--data <folder>", "what it reads, if anything; its file in roclip/experiments says")
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
  roclip reproduce fashion --data fashion/
  roclip reproduce precision`,
  );
  command.action(runReproduce);
}
