/** The files of one training run: what is in its folder, written whole, read back for a resume. */
import { existsSync, mkdirSync } from "node:fs";
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type HostArray, leaves, rebuild } from "../engine/index.ts";
import { stepsPerEpoch } from "./batches.ts";
import {
  type Json,
  readCheckpoint,
  requireTensors,
  specsOf,
  writeAtomically,
  writeCheckpoint,
} from "./checkpoint.ts";
import { parseConfig } from "./config.ts";
import { UserError } from "./errors.ts";
import { initState, type State } from "./model.ts";
import { type Progress, parseProgress } from "./progress.ts";
import type { StoredTensor } from "./safetensors.ts";
import type { Config } from "./schema.ts";
import { formatTruth, parseTruth, type TruthRow } from "./truth.ts";

export { type Progress, withNaN } from "./progress.ts";

/** Names of the files in a run folder. */
export const RUN_FILES = {
  config: "config.json",
  truth: "truth.jsonl",
  metrics: "metrics.jsonl",
  checkpoint: "checkpoint.safetensors",
  report: "report.html",
  picture: "report.png",
} as const;

/** Training steps that a run has done. */
export function stepsDone({ config, pairs, epoch, step }: Progress): number {
  return (epoch - 1) * stepsPerEpoch(config, pairs) + step;
}

const encode = (text: string) => new TextEncoder().encode(text);
const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

/**
 * Check that a folder may become a run's.
 *
 * @throws  UserError when it already holds a run: nothing is overwritten
 */
export function requireFresh(folder: string): void {
  const taken = Object.values(RUN_FILES).find((name) => existsSync(join(folder, name)));
  if (taken)
    throw new UserError(
      `${folder}: a new run must have a folder of its own; this one holds ${taken}; ` +
        "choose another --out, or go on with --resume",
    );
}

/**
 * Begin a run folder: configuration and ground truth.
 *
 * @throws  UserError when it already holds a run
 */
export async function beginRun(
  folder: string,
  config: Config,
  truth: readonly TruthRow[],
): Promise<void> {
  requireFresh(folder);
  mkdirSync(folder, { recursive: true });
  await writeAtomically(join(folder, RUN_FILES.config), encode(json(config)));
  await writeAtomically(join(folder, RUN_FILES.truth), encode(formatTruth(truth, "jsonl")));
}

/** Save the whole state of a run, atomically. */
export async function saveRun(
  folder: string,
  state: State<HostArray>,
  progress: Progress,
): Promise<void> {
  const tensors = leaves<HostArray>(state).map(([name, { shape, data }]): [string, StoredTensor] =>
    data instanceof Float32Array
      ? [name, { dtype: "f32", shape, data }]
      : [name, { dtype: "u32", shape, data }],
  );
  await writeCheckpoint(join(folder, RUN_FILES.checkpoint), {
    tensors: Object.fromEntries(tensors),
    metadata: JSON.parse(JSON.stringify(progress)) as Json,
  });
}

/** A run read back from its checkpoint; `state` fits any tree of the same model. */
export interface SavedRun {
  readonly progress: Progress;
  /** The saved arrays in the shape of `like`. */
  state(like: State<HostArray>): State<HostArray>;
}

/**
 * Read a run's checkpoint.
 *
 * @param path  the checkpoint file, or the run folder that holds it
 * @throws      UserError when there is none, or it is not a checkpoint
 */
export async function readRun(path: string): Promise<SavedRun> {
  const file = path.endsWith(".safetensors") ? path : join(path, RUN_FILES.checkpoint);
  const { tensors, metadata } = await readCheckpoint(file, (json, specs) => {
    const progress = parseProgress(json, specs, file);
    const vocabulary = Object.keys(progress.tokenizer.model.vocab).length;
    const like = initState(progress.config, vocabulary, progress.pairs);
    requireTensors(specs, specsOf(like), file);
    return progress;
  });
  return {
    progress: metadata,
    state(like) {
      requireTensors(tensors, specsOf(like), file);
      const entries = new Map<string, HostArray>(Object.entries(tensors));
      return rebuild<State<HostArray>, HostArray, HostArray>(like, entries);
    },
  };
}

/** Add lines to the run's metrics. */
export async function appendMetrics(folder: string, lines: readonly object[]): Promise<void> {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  await appendFile(join(folder, RUN_FILES.metrics), text);
}

/** Drop metrics that were written after the checkpoint: their steps will be made again. */
export async function trimMetrics(folder: string, stepsDone: number): Promise<void> {
  const file = join(folder, RUN_FILES.metrics);
  if (!existsSync(file)) return;
  const lines = (await readFile(file, "utf8")).split("\n").filter(Boolean);
  const kept = lines.filter((line) => (JSON.parse(line) as { step: number }).step <= stepsDone);
  await writeAtomically(file, encode(kept.map((line) => `${line}\n`).join("")));
}

/**
 * The configuration of a run.
 *
 * @throws  UserError when there is none, or none that holds
 */
export async function readConfig(folder: string): Promise<Config> {
  const file = join(folder, RUN_FILES.config);
  const text = await readFile(file, "utf8").catch(() => {
    throw new UserError(
      `${file}: a run's configuration must be there; it is not readable; ` +
        "give a folder that roclip train wrote",
    );
  });
  return parseConfig(JSON.parse(text), file);
}

/**
 * The ground truth of a run's attacks.
 *
 * @throws  UserError when the folder holds none
 */
export async function readTruth(folder: string): Promise<TruthRow[]> {
  const file = join(folder, RUN_FILES.truth);
  const text = await readFile(file, "utf8").catch(() => {
    throw new UserError(
      `${file}: a run's ground truth must be there; it is not readable; ` +
        "give a folder that roclip train wrote",
    );
  });
  return parseTruth(text, "jsonl", file);
}
