/** A whole run on data small enough for a test: it learns, resumes to the same bits, fails well. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  keyOf,
  openDevice,
  overwrite,
  readState,
  stream,
} from "../../engine/index.ts";
import { createBatches } from "../../roclip/batches.ts";
import { parseConfig } from "../../roclip/config.ts";
import type { Dataset } from "../../roclip/data/dataset.ts";
import { createEmbedder, evaluate, subjectsOf } from "../../roclip/evaluate.ts";
import type { Rows } from "../../roclip/measures.ts";
import { beginRun, RUN_FILES, readRun } from "../../roclip/runFolder.ts";
import { beginSession, fillPoolsFromData, reencodeAll } from "../../roclip/session.ts";
import { learnTokenizer } from "../../roclip/tokenize.ts";
import { loadModel, type TrainOptions, train } from "../../roclip/train.ts";

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

const config = parseConfig({
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

let device: Device;
const folders: string[] = [];
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => {
  device.close();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A new run's options in a folder of its own. */
async function newRun(changes: object = {}): Promise<TrainOptions> {
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

const tensorsOf = (folder: string) => readFileSync(join(folder, RUN_FILES.checkpoint));
const metricsOf = (folder: string) =>
  readFileSync(join(folder, RUN_FILES.metrics), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    // Times differ from run to run; nothing else may.
    .map(({ seconds: _, pairsPerSecond: __, ...rest }) => rest);

describe("a training run", () => {
  it("learns, matches in the epochs it should, and logs every step and epoch", async () => {
    const options = await newRun();
    const run = await train(options);
    expect(run.finished).toBe(true);
    expect(run.results.map((r) => r.matching)).toEqual([false, true, false]);
    expect(run.results.at(-1)!.loss).toBeLessThan(run.results[0]!.loss);
    expect(run.results.at(-1)!.zeroShotTop1).toBeGreaterThan(0.6);
    expect(run.results[0]!.psr).toBeNaN();
    const matched = run.matches.filter((caption) => caption < 96);
    expect(matched.length).toBe(96); // every pair was matched once, in epoch 2
    const lines = metricsOf(options.folder);
    expect(lines.filter((line) => line.kind === "step").map((line) => line.step)).toEqual(
      Array.from({ length: 18 }, (_, i) => i + 1),
    );
    expect(lines.filter((line) => line.kind === "epoch")).toHaveLength(3);
  });

  const reencoded = { ...config.roclip, textGradient: "re-encoded" };
  const both = { ...config.roclip, direction: "both", reencodeEvery: 4, duplicates: "excluded" };
  const sgdBoth = { optimiser: "sgd", lr: 0.05, clipNorm: 1, roclip: both };
  it.each([
    ["the defaults", {}],
    ["SGD, clipping and pools of both kinds, encoded anew", sgdBoth],
    ["pairs judged by the pool", { roclip: { ...config.roclip, judge: 0.3 } }],
    ["micro-batches, captions encoded anew", { microBatch: 4, roclip: reencoded }],
    ["averaged weights and a text tower that trains throughout", { ema: 0.9, roclip: reencoded }],
  ])(
    "goes on after an interruption to the same bits as without one, with %s",
    async (_, changes) => {
      const whole = await newRun(changes);
      await train(whole);
      for (const stopAt of [3, 9] /* in a plain epoch; in the matching one */) {
        const options = await newRun(changes);
        const controller = new AbortController();
        const stopped = await train({
          ...options,
          signal: controller.signal,
          onStep: ({ step }) => step === stopAt && controller.abort(),
        });
        expect(stopped.finished).toBe(false);
        const { progress } = await readRun(options.folder);
        expect((progress.epoch - 1) * 6 + progress.step).toBeLessThan(18);
        const resumed = await train({ ...options, resume: true });
        expect(resumed.finished).toBe(true);
        expect(metricsOf(options.folder)).toEqual(metricsOf(whole.folder));
        const like = (folder: string) => readRun(folder).then((run) => run.progress.results.length);
        expect(await like(options.folder)).toBe(3);
        expect(await stateBits(options.folder)).toEqual(await stateBits(whole.folder));
      }
    },
  );

  it("encodes every pool row anew, by its id", async () => {
    const roclip = { ...config.roclip, direction: "both", reencodeEvery: 4 };
    const session = await beginSession(await newRun({ roclip }));
    const { pool, imagePool } = session.state;
    await fillPoolsFromData(session, 1);
    const filled = await readState(device, { pool, imagePool: imagePool! });
    const zeros = new Float32Array(filled.pool.rows.data.length);
    for (const { rows } of [pool, imagePool!]) overwrite(device, rows, zeros);
    await reencodeAll(session);
    expect(await readState(device, { pool, imagePool: imagePool! })).toEqual(filled);
    session.release();
  });

  it("draws the edits of captions once, or anew in every epoch", async () => {
    const { train: data, tokenizer } = await newRun();
    const captionsOf = (redraw: boolean, epoch: number) => {
      const own = { ...config, batch: 96, eda: { ...config.eda, redraw } };
      const { pairs, tokens } = createBatches(own, data, tokenizer)(epoch, 0);
      const byPair = Array.from(
        pairs,
        (pair, i) => [pair, tokens.slice(8 * i, 8 * i + 8)] as const,
      );
      return byPair.sort(([a], [b]) => a - b);
    };
    expect(captionsOf(false, 1)).toEqual(captionsOf(false, 2));
    expect(captionsOf(true, 1)).not.toEqual(captionsOf(true, 2));
  });

  it("is measured the same from its checkpoint as at its end, by averages where it keeps them", async () => {
    const images: Rows[] = [];
    for (const ema of [0, 0.9]) {
      const options = await newRun({ defence: "clip", ema });
      const run = await train(options);
      const { state, tokenizer } = loadModel(device, await readRun(options.folder));
      const embedder = await createEmbedder(device, options.config, state, tokenizer);
      const subjects = subjectsOf(options.config, options.evaluation);
      expect(await evaluate(embedder, subjects, options.evaluation)).toEqual(run.last);
      images.push(await embedder.images(options.evaluation.test));
    }
    expect(images[0]).not.toEqual(images[1]); // trained alike, evaluated by averages
  });

  it("stops at a loss that is not finite and names the step", async () => {
    const options = await newRun({ lr: 1e30, warmupSteps: 0 });
    await expect(train(options)).rejects.toThrow(
      /the loss must be finite; it is \S+ at epoch 1, step \d+/,
    );
  });

  it("refuses a folder that holds a run, another model's checkpoint, a batch beyond the data", async () => {
    const options = await newRun({ epochs: 1 });
    await expect(beginRun(options.folder, config, [])).rejects.toThrow(
      "a new run must have a folder of its own",
    );
    await train(options);
    const wider = { ...options, config: { ...options.config, embedding: 32, epochs: 2 } };
    await expect(train({ ...wider, resume: true })).rejects.toThrow(/f32\[.*\].*f32\[.*\]/s);
    await expect(train(await newRun({ batch: 97 }))).rejects.toThrow("it is 97 of 96 pairs");
    await expect(
      train(await newRun({ roclip: { ...config.roclip, poolSize: 8 } })),
    ).rejects.toThrow("the pool must hold at least one batch");
  });
});

/** Every array of a checkpoint, without the metadata (which holds times). */
async function stateBits(folder: string): Promise<Record<string, unknown>> {
  const { decodeSafetensors } = await import("../../roclip/safetensors.ts");
  return { ...decodeSafetensors(tensorsOf(folder), "checkpoint").tensors };
}
