#!/usr/bin/env node
/** The command line: `roclip <command>`. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addConfig } from "./cli/config.ts";
import { addData } from "./cli/data.ts";
import { addDemo } from "./cli/demo.ts";
import { addDoctor } from "./cli/doctor.ts";
import { addEvaluate } from "./cli/evaluate.ts";
import { addExport } from "./cli/export.ts";
import { addPlan } from "./cli/plan.ts";
import { addPoison } from "./cli/poison.ts";
import { addReproduce } from "./cli/reproduce.ts";
import { addSweep } from "./cli/sweep.ts";
import { addTrain } from "./cli/train.ts";
import { addTune } from "./cli/tune.ts";
import { UserError } from "./errors.ts";

const BAD_INPUT = 2;

/** The package's version: one folder up from the source, two from its compiled form. */
function version(): string {
  for (const up of ["../package.json", "../../package.json"])
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8"));
      if (name === "roclip") return version;
    } catch {
      // look one folder further up
    }
  return "unknown";
}

const program = new Command("roclip")
  .description("Robust contrastive language-image pre-training on WebGPU.")
  .version(version())
  .configureHelp({ showGlobalOptions: true })
  .showSuggestionAfterError()
  .exitOverride();
program.addHelpText(
  "after",
  `
Examples:
  roclip demo                                      CLIP and RoCLIP on the same poisoned data
  roclip train --data train.csv --images photos/
  roclip sweep grid.yaml                           defences, attacks, seeds; one table
  roclip evaluate runs/demo/roclip
  roclip export runs/demo/roclip --out model.safetensors
  roclip tune                                      which kernel constants are fastest here
  roclip plan paper                                what a run takes, before it begins
  roclip doctor`,
);
const COMMANDS = [
  addDemo,
  addTrain,
  addSweep,
  addReproduce,
  addEvaluate,
  addExport,
  addPlan,
  addPoison,
  addConfig,
  addData,
  addDoctor,
  addTune,
];
for (const add of COMMANDS) add(program);
for (const command of program.commands) command.exitOverride().showHelpAfterError("(see --help)");

// As after `roclip … | head`: who closes the pipe has read enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : BAD_INPUT;
  else if (error instanceof UserError) {
    console.error(`roclip: ${error.message}`);
    process.exitCode = BAD_INPUT;
  } else throw error;
}
