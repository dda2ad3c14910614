/**
 * `roclip poison`: what the attacks of a configuration do to a data set, as a picture to be looked
 * at, or as a data set that any program can read.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import sharp from "sharp";
import { writeAtomically } from "../checkpoint.ts";
import { contactSheet, type Example } from "../contactSheet.ts";
import { type Dataset, imageOf } from "../data/dataset.ts";
import { eachConcurrently } from "../data/image.ts";
import { UserError } from "../errors.ts";
import { type Subjects, subjectsOf } from "../evaluate.ts";
import { type Attack, csvLine, formatTruth, type TruthRow } from "../truth.ts";
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
  readonly out?: string;
  readonly preview?: string;
}

const SHOWN = 4; // examples of each attack on the contact sheet

const encode = (text: string) => new TextEncoder().encode(text);

/** Write a table and its images: `<name>.csv`, and `images/<name>/<row>.png` for each row. */
async function writeDataset(out: string, name: string, dataset: Dataset): Promise<void> {
  const { size, captions, labels, ids } = dataset;
  const raw = { width: size, height: size, channels: 3 } as const;
  const fileOf = (row: number) => `${name}/${String(row).padStart(6, "0")}.png`;
  mkdirSync(join(out, "images", name), { recursive: true });
  await eachConcurrently(ids.keys(), async (row) => {
    await sharp(imageOf(dataset, row), { raw })
      .png()
      .toFile(join(out, "images", fileOf(row)));
  });
  const rows = ids.map((id, row) => [fileOf(row), captions[row]!, labels[row]!, id]);
  const lines = [["image", "caption", "label", "id"], ...rows].map((row) => `${csvLine(row)}\n`);
  await writeAtomically(join(out, `${name}.csv`), encode(lines.join("")));
}

/** The attacked data, the held-out data with and without triggers, and the ground truth. */
async function writeOut(
  out: string,
  { dataset, truth }: Attack,
  test: Dataset,
  { backdoors }: Subjects,
): Promise<void> {
  mkdirSync(out, { recursive: true });
  await writeDataset(out, "train", dataset);
  await writeDataset(out, "test", test);
  for (const [turn, { triggered }] of backdoors.entries())
    await writeDataset(out, `triggered-${turn}`, triggered);
  for (const format of ["jsonl", "csv"] as const)
    await writeAtomically(join(out, `truth.${format}`), encode(formatTruth(truth, format)));
  console.log(
    `Written to ${out}: train.csv (${dataset.ids.length} pairs), test.csv, ` +
      `${backdoors.length} tables of triggered held-out pairs, their images, and ` +
      `truth.jsonl and truth.csv (${truth.length} attacked pairs).`,
  );
}

/** An attacked training pair, before and after. */
function trainingExample(clean: Dataset, { dataset }: Attack, truth: TruthRow): Example {
  const { row, kind, trigger, targetClass, trueClass, originalCaption, caption } = truth;
  const after = imageOf(dataset, row);
  const poison = kind === "poison";
  return {
    title: `${poison ? "poison" : trigger} → ${targetClass}`,
    lines: [
      `shows: ${trueClass || "nothing labelled"}`,
      `was: ${originalCaption}`,
      `now: ${caption}`,
    ],
    images: poison ? [after] : [imageOf(clean, row), after],
  };
}

/** A held-out pair before and after a trigger. */
function heldOutExample(test: Dataset, subject: Subjects["backdoors"][number], row: number) {
  const { backdoor, targetClass, triggered } = subject;
  const own = test.ids.indexOf(triggered.ids[row]!);
  return {
    title: `held out: ${backdoor.kind} → ${targetClass}`,
    lines: [
      `shows: ${triggered.labels[row]}`,
      `was: ${test.captions[own]}`,
      `now: ${triggered.captions[row]}`,
    ],
    images: [imageOf(test, own), imageOf(triggered, row)],
  };
}

/** Some examples of every attack: training pairs, then held-out ones with the trigger. */
function examplesOf(
  clean: Dataset,
  attacked: Attack,
  test: Dataset,
  { backdoors }: Subjects,
): Example[] {
  const firstOf = new Map<string, TruthRow[]>();
  const seen = new Set<string>();
  for (const truth of attacked.truth) {
    // One pair of each poisoned image is enough.
    const image = `${truth.kind} ${truth.kind === "poison" ? truth.source : truth.row}`;
    if (seen.has(image)) continue;
    seen.add(image);
    const name = `${truth.kind} ${truth.attack}`;
    firstOf.set(name, [...(firstOf.get(name) ?? []), truth]);
  }
  const training = [...firstOf.values()].flatMap((rows) => rows.slice(0, SHOWN));
  const heldOut = backdoors.flatMap((subject) => {
    // Spread over the data, which may be sorted by class.
    const { length } = subject.triggered.ids;
    const shown = Math.min(SHOWN, length);
    const rows = Array.from({ length: shown }, (_, i) => Math.floor((i * length) / shown));
    return rows.map((row) => heldOutExample(test, subject, row));
  });
  return [...training.map((truth) => trainingExample(clean, attacked, truth)), ...heldOut];
}

async function runPoison(options: Options & Record<string, unknown>): Promise<void> {
  const { out, preview } = options;
  if (out === undefined && preview === undefined)
    throw new UserError(
      "poison: --out or --preview must say what to write; found neither; add one",
    );
  if (out !== undefined && existsSync(out))
    throw new UserError(`${out}: --out must be a new folder; it exists; choose another`);
  const config = configOf(options);
  const data = await loadSource(sourceOf(options), config);
  const attacked = attackedData(data, config);
  const subjects = subjectsOf(config, { ...data, truth: attacked.truth });
  if (attacked.truth.length === 0)
    throw new UserError(
      "poison: the configuration must have an attack; it has none; " +
        "choose poison.targets or backdoor.count above 0",
    );
  if (out !== undefined) await writeOut(out, attacked, data.test, subjects);
  if (preview === undefined) return;
  const examples = examplesOf(data.train, attacked, data.test, subjects);
  await writeAtomically(preview, await contactSheet(examples, config.imageSize));
  console.log(`Contact sheet of ${examples.length} examples written to ${preview}`);
}

/** Add the command to the program. */
export function addPoison(program: Command): void {
  const command = program
    .command("poison")
    .description("Draw the attacks of a configuration: as a data set, or as a contact sheet.")
    .option("--out <folder>", "new folder for tables, images and ground truth")
    .option("--preview <png>", "contact sheet of examples, before and after");
  addSourceOptions(command);
  addConfigOptions(command);
  command.addHelpText(
    "after",
    `
Examples:
  roclip poison --preview sheet.png --backdoor-kind sig
  roclip poison --out attacked --poison-targets 4 --backdoor-count 0.005
  roclip train --data attacked/train.csv --images attacked/images --test attacked/test.csv \\
    --poison-targets 0 --backdoor-count 0`,
  );
  command.action(runPoison);
}
