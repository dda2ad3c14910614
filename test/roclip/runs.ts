/** Whole runs on data small enough for a test, and what they leave behind. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type Device, keyOf, stream } from "../../engine/index.ts";
import { parseConfig } from "../../roclip/config.ts";
import type { Dataset } from "../../roclip/data/dataset.ts";
import { beginRun, RUN_FILES, readRun } from "../../roclip/runFolder.ts";
import { decodeSafetensors } from "../../roclip/safetensors.ts";
import { learnTokenizer } from "../../roclip/tokenize.ts";
import { type TrainOptions, train } from "../../roclip/train.ts";

const SIZE = 16;
const COLOURS = { red: [220, 30, 30], green: [30, 200, 40], blue: [40, 60, 220] } as const;

/** Noisy squares of one colour, captioned with its name: what a tiny model learns at once. */
function colours(rows: number, seed: number): Dataset {
  const draws = stream(keyOf(seed));
  const names = Object.keys(COLOURS) as (keyof typeof COLOURS)[];
  const labels = Array.from({ length: rows }, (_, i) => names[i % names.length]!);
  const images = new Uint8Array(rows * SIZE * SIZE * 3);
  images.forEach((_, i) => {
    const label = labels[Math.floor(i / (SIZE * SIZE * 3))]!;
    images[i] = Math.max(0, Math.min(255, COLOURS[label][i % 3]! + 40 * draws.normal()));
  });
  const captions = labels.map((label, i) => `${label} square number ${i % 7}`);
  const ids = labels.map((_, i) => `${seed}-${i}`);
  return { name: "colours", size: SIZE, images, captions, labels, ids };
}

export const config = parseConfig({
  epochs: 3,
  batch: 16,
  imageSize: SIZE,
  contextLength: 8,
  vocabularySize: 600,
  image: { width: 8, blocks: [1, 1] },
  text: { width: 16, layers: 1, heads: 2 },
  embedding: 16,
  lr: 5e-3,
  warmupSteps: 2,
  roclip: { frequency: 2, firstEpoch: 2, poolSize: 48 },
  augment: { cropScale: [0.5, 1], jitter: { probability: 0 }, grayscale: 0 },
  poison: { targets: 0 },
  backdoor: { count: 0 },
});

const folders: string[] = [];

/** Remove the folders of all runs. */
export function removeRuns(): void {
  for (const folder of folders) rmSync(folder, { recursive: true });
}

/** A new run's options in a folder of its own. */
export async function newRun(device: Device, changes: object = {}): Promise<TrainOptions> {
  const folder = join(mkdtempSync(join(tmpdir(), "roclip-test-")), "run");
  folders.push(folder);
  const trainData = colours(96, 1);
  const own = { ...config, ...changes };
  await beginRun(folder, own, []);
  const classes = Object.keys(COLOURS);
  return {
    config: own,
    device,
    source: { kind: "emoji" },
    train: trainData,
    evaluation: { test: colours(30, 2), classes, prompts: ["{} square"], truth: [] },
    tokenizer: learnTokenizer(trainData.captions, { vocabularySize: 600, contextLength: 8 }),
    folder,
  };
}

/** What a run logged, without times, which differ from run to run; nothing else may. */
export const metricsOf = (folder: string) =>
  readFileSync(join(folder, RUN_FILES.metrics), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .map(({ seconds: _, pairsPerSecond: __, ...rest }) => rest);

/** Every array of a checkpoint, without the metadata (which holds times). */
export function stateBits(folder: string): Record<string, unknown> {
  const bytes = readFileSync(join(folder, RUN_FILES.checkpoint));
  return { ...decodeSafetensors(bytes, "checkpoint").tensors };
}

/**
 * A run that is stopped and goes on ends as one that is not.
 *
 * @param stops  steps to stop after, each in a run of its own
 */
export async function expectSameAfterStops(
  device: Device,
  changes: object,
  stops: readonly number[],
): Promise<void> {
  const whole = await newRun(device, changes);
  const { results } = await train(whole);
  for (const stopAt of stops) {
    const options = await newRun(device, changes);
    const controller = new AbortController();
    const stopped = await train({
      ...options,
      signal: controller.signal,
      onStep: ({ step }) => step === stopAt && controller.abort(),
    });
    expect(stopped.finished).toBe(false);
    const { progress } = await readRun(options.folder);
    expect(progress.results.length).toBeLessThan(results.length);
    const resumed = await train({ ...options, resume: true });
    expect(resumed.finished).toBe(true);
    expect(metricsOf(options.folder)).toEqual(metricsOf(whole.folder));
    const saved = (folder: string) => readRun(folder).then((run) => run.progress.results.length);
    expect(await saved(options.folder)).toBe(results.length);
    expect(stateBits(options.folder)).toEqual(stateBits(whole.folder));
  }
}
