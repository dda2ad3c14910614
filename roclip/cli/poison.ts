/**
 * `roclip poison`: what the attacks of a configuration do to a data set, written out to be seen.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import sharp from "sharp";
import { writeAtomically } from "../checkpoint.ts";
import { imageOf } from "../data/dataset.ts";
import { UserError } from "../errors.ts";
import { formatTruth } from "../truth.ts";
import {
  addConfigOptions,
  addSourceOptions,
  configOf,
  loadSource,
  type SourceOptions,
  sourceOf,
} from "./common.ts";
import { attackedData } from "./train.ts";

interface Options extends SourceOptions {
  readonly out: string;
}

async function runPoison(options: Options & Record<string, unknown>): Promise<void> {
  const { out } = options;
  if (existsSync(out))
    throw new UserError(`${out}: --out must be a new folder; it exists; choose another`);
  const config = configOf(options);
  const data = await loadSource(sourceOf(options), config);
  const { dataset, truth } = attackedData(data, config);
  mkdirSync(join(out, "images"), { recursive: true });
  const encode = (text: string) => new TextEncoder().encode(text);
  for (const format of ["jsonl", "csv"] as const)
    await writeAtomically(join(out, `truth.${format}`), encode(formatTruth(truth, format)));
  const { size } = dataset;
  const raw = { width: size, height: size, channels: 3 } as const;
  for (const { row, kind } of truth)
    await sharp(imageOf(dataset, row), { raw })
      .png()
      .toFile(join(out, "images", `${kind}-${row}.png`));
  console.log(`Written to ${out}: truth.jsonl, truth.csv and ${truth.length} images.`);
}

/** Add the command to the program. */
export function addPoison(program: Command): void {
  const command = program
    .command("poison")
    .description("Draw the attacks of a configuration: ground truth and the attacked images.")
    .requiredOption("--out <folder>", "new folder to write to");
  addSourceOptions(command);
  addConfigOptions(command);
  command.addHelpText(
    "after",
    `
Examples:
  roclip poison --out attacked --poison-targets 4 --backdoor-count 20
  roclip poison --out attacked --data train.csv --images photos.tar.gz --seed 7`,
  );
  command.action(runPoison);
}
