/** `roclip evaluate`: measure a saved model. */
import { dirname } from "node:path";
import type { Command } from "commander";
import { release } from "../../engine/index.ts";
import { createEmbedder, evaluate, subjectsOf } from "../evaluate.ts";
import type { RunResult } from "../report/data.ts";
import { readRun, readTruth } from "../runFolder.ts";
import { isMatchingEpoch } from "../schedule.ts";
import { formatTable, resultRows } from "../table.ts";
import { loadModel } from "../train.ts";
import {
  addDeviceOption,
  addSourceOptions,
  type DeviceOptions,
  loadSource,
  openNamedDevice,
  type SourceOptions,
  sourceOf,
  writeRows,
} from "./common.ts";

interface Options extends DeviceOptions, SourceOptions {
  readonly json?: string;
}

async function runEvaluate(path: string, options: Options): Promise<void> {
  const saved = await readRun(path);
  const { progress } = saved;
  const { config, classes, prompts } = progress;
  const source = options.data === undefined ? progress.source : sourceOf(options);
  const truth = await readTruth(path.endsWith(".safetensors") ? dirname(path) : path);
  const device = await openNamedDevice(options);
  try {
    const { test } = await loadSource(source, config);
    const { state, tokenizer } = loadModel(device, saved);
    const embedder = await createEmbedder(device, config, state, tokenizer);
    const subjects = subjectsOf(config, { test, classes, prompts, truth });
    const measured = await evaluate(embedder, subjects, { classes, prompts });
    embedder.destroy();
    release(device, state);
    // Between epochs the epoch under way has no step done: the model is that of the one before.
    const epoch = progress.step === 0 ? progress.epoch - 1 : progress.epoch;
    const nothing = { loss: Number.NaN, pairsPerSecond: Number.NaN, seconds: Number.NaN };
    const matching = isMatchingEpoch(config, epoch);
    const result: RunResult = {
      defence: config.defence,
      seed: config.seed,
      epochs: [{ epoch, matching, ...nothing, ...measured }],
    };
    console.log(`\n${formatTable(resultRows([result]))}`);
    writeRows(options.json, resultRows([result]));
  } finally {
    device.close();
  }
}

/** Add the command to the program. */
export function addEvaluate(program: Command): void {
  const command = program
    .command("evaluate")
    .description("Measure a saved model: zero-shot, class mean, PSR, ASR.")
    .argument("<run>", "run folder, or its checkpoint.safetensors")
    .option("--json <file>", "also write the table as JSON rows");
  addSourceOptions(command);
  addDeviceOption(command);
  command.addHelpText(
    "after",
    `
Examples:
  roclip evaluate runs/demo/roclip --json rows.json`,
  );
  command.action(runEvaluate);
}
