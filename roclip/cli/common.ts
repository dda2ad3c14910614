/** What several commands share: the device, the data, the configuration, stopping cleanly. */
import { readFileSync, writeFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { ADAPTER_CHOICES, type AdapterChoice } from "../../engine/adapter.ts";
import { type Device, loadTuned, openDevice } from "../../engine/index.ts";
import { MEASURES, type MeasureGroup } from "../assess.ts";
import { type Config, parseConfig } from "../config.ts";
import { PRESETS } from "../configs/presets.ts";
import { UserError } from "../errors.ts";
import { presetOf } from "../explain.ts";
import { applyFlags, flagsOf } from "../flags.ts";
import { merged } from "../overlay.ts";
import { pretrainedTokenizer } from "../pretrained.ts";
import { readSource, type Source, type SourceData, unseenClasses } from "../source.ts";
import { clipTokenizer, compactTokenizer, learnTokenizer, type Tokenizer } from "../tokenize.ts";
import { showProgress } from "./progress.ts";

/** Options of every command that uses the device. */
export interface DeviceOptions {
  readonly adapter?: AdapterChoice;
}

/** Options that say where data comes from. */
export interface SourceOptions {
  readonly data?: string;
  readonly images?: string;
  readonly test?: string;
  readonly imageColumn?: string;
  readonly captionColumn?: string;
  readonly labelColumn?: string;
  readonly classNames?: string;
  readonly minClass: number;
  readonly prompt?: readonly string[];
}

/** A positive whole number given as an option. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError(`it must be a whole number ≥ 1; found ${text}`);
  return value;
}

/** The groups of measures that an option names. */
export function measureGroups(text: string): MeasureGroup[] {
  const names = text === "all" ? MEASURES : text.split(",").map((name) => name.trim());
  return names.map((name) => {
    const group = MEASURES.find((known) => known === name);
    if (group) return group;
    throw new InvalidArgumentError(`it must name some of ${MEASURES.join(", ")}; found "${name}"`);
  });
}

const collect = (text: string, before: readonly string[] = []) => [...before, text];

/** `--adapter`. */
export function addDeviceOption(command: Command): Command {
  const option = new Option(
    "--adapter <name>",
    "which WebGPU adapter (default: ROCLIP_ADAPTER, or auto)",
  );
  return command.addOption(option.choices(ADAPTER_CHOICES));
}

/** `--data` and what belongs to it. */
export function addSourceOptions(command: Command): Command {
  return command
    .option("--data <csv>", "training table with image and caption columns (default: the emoji)")
    .option("--images <path>", "folder, .tar or .tar.gz that holds the images")
    .option("--test <csv>", "held-out table (default: 5% of the training captions)")
    .option("--image-column <name>", "column of file names (default: image)")
    .option("--caption-column <name>", "column of captions (default: caption)")
    .option("--label-column <name>", "column of classes (default: label)")
    .option("--class-names <json>", "what captions call the labels: {label: [name, …]}")
    .option("--min-class <rows>", "training rows a label must have to be a class", wholeNumber, 100)
    .option("--prompt <text>", "zero-shot prompt, {} for the class; repeatable", collect);
}

/** `--config`, and a flag for every configuration key. */
export function addConfigOptions(command: Command): Command {
  command.option("--config <json>", "configuration file; flags override it");
  for (const { flags, help, parse } of flagsOf()) {
    const option = new Option(flags, help).argParser(parse);
    command.addOption(option);
  }
  return command;
}

/** `--preset`. */
export function addPresetOption(command: Command): Command {
  const text = `named configuration, under --config and flags: ${Object.keys(PRESETS).join(", ")}`;
  return command.option("--preset <name>", text);
}

/** The JSON of a configuration file. */
export function configFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`${path}: must be a readable JSON file; ${found}; check the path and text`);
  }
}

/** The configuration: defaults, then the preset, then the file, then flags. */
export function configOf(
  options: { readonly config?: string; readonly preset?: string } & Readonly<
    Record<string, unknown>
  >,
  base: unknown = {},
): Config {
  const { config, preset } = options;
  const named = preset === undefined ? base : presetOf(preset).config;
  const file = config === undefined ? {} : configFile(config);
  // A file that stands alone must say all by itself: the base is for those who give none.
  const under = preset === undefined && config !== undefined ? file : merged(named, file);
  return parseConfig(applyFlags(under, options), config ?? "config");
}

/** The source that the options name. */
export function sourceOf(options: SourceOptions): Source {
  const { data, images, test, imageColumn, captionColumn, labelColumn, minClass, prompt } = options;
  const { classNames } = options;
  if (data === undefined) {
    if (images === undefined && test === undefined) return { kind: "emoji" };
    throw new UserError("--images, --test: --data must be given with them; it is not; add it");
  }
  if (images === undefined)
    throw new UserError("--data: --images must say where its images are; it is missing; add it");
  return {
    kind: "manifest",
    data,
    images,
    minClass,
    prompts: prompt ?? ["{}", "a photo of {}"],
    ...(test !== undefined && { test }),
    ...(imageColumn !== undefined && { imageColumn }),
    ...(captionColumn !== undefined && { captionColumn }),
    ...(labelColumn !== undefined && { labelColumn }),
    ...(classNames !== undefined && { classNames }),
  };
}

/** Read data with progress, and say what it is and what was left out. */
export async function loadSource(source: Source, config: Config): Promise<SourceData> {
  let display: ReturnType<typeof showProgress> | undefined;
  const data = await readSource(source, config.imageSize, config.seed, (done, total) => {
    display ??= showProgress("reading images", total);
    display.update(done);
  });
  display?.stop();
  const { train, test, classes, skipped } = data;
  const labelled = test.labels.filter((label) => label !== "").length;
  console.log(
    `Data: ${train.name}, ${train.ids.length} training pairs; ${test.ids.length} held-out ` +
      `images, ${labelled} of ${classes.length} classes.`,
  );
  const unseen = unseenClasses(data);
  if (unseen.length > 0)
    console.log(
      `Classes without a held-out image, which no accuracy counts: ${unseen.join(", ")}.`,
    );
  if (skipped.length > 0) {
    const named = skipped.slice(0, 3).map(({ file, reason }) => `${file} (${reason})`);
    console.log(
      `Left out ${skipped.length} rows: ${named.join(", ")}${skipped.length > 3 ? ", …" : ""}`,
    );
  }
  return data;
}

/**
 * The tokenizer of the run to begin with; else CLIP's when its merges are given, or one learnt from
 * the training captions.
 */
export async function tokenizerFor(
  config: Config,
  captions: readonly string[],
): Promise<Tokenizer> {
  const pretrained = await pretrainedTokenizer(config);
  if (pretrained) return pretrained;
  const { merges, contextLength, vocabularySize, compactVocabulary } = config;
  if (merges === "") return learnTokenizer(captions, { vocabularySize, contextLength });
  const tokenizer = clipTokenizer(merges, contextLength);
  return compactVocabulary ? compactTokenizer(tokenizer, captions) : tokenizer;
}

/** Open the device, with what was tuned for it, and say which it is. */
export async function openNamedDevice({ adapter }: DeviceOptions): Promise<Device> {
  const device = await openDevice(adapter).catch((error: unknown) => {
    throw new UserError(error instanceof Error ? error.message : String(error));
  });
  const { count, fault } = await loadTuned(device);
  const tuned = count > 0 ? `, ${count} shape classes tuned` : "";
  console.log(`Adapter: ${device.name}${device.software ? " (software)" : ""}${tuned}`);
  if (fault) console.log(fault);
  return device;
}

/** Exit code of a program that Ctrl-C ended: 128 and the signal's number, as shells have it. */
export const INTERRUPTED = 130;

/** A signal that the first Ctrl-C (or SIGTERM) sets; the second one ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    console.log("\nStopping after this step and saving; press Ctrl-C again to stop at once.");
    controller.abort();
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, stop);
  return controller.signal;
}

/** Write rows for `--json`. */
export function writeRows(path: string | undefined, rows: unknown): void {
  if (path === undefined) return;
  writeFileSync(path, `${JSON.stringify(rows, undefined, 2)}\n`);
  console.log(`Rows written to ${path}`);
}
