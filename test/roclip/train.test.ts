import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, openDevice, overwrite, readState } from "../../engine/index.ts";
import { assess } from "../../roclip/assess.ts";
import { createBatches } from "../../roclip/batches.ts";
import { createEmbedder, evaluate, subjectsOf } from "../../roclip/evaluate.ts";
import { fillPoolsFromData, reencodeAll } from "../../roclip/fillPools.ts";
import type { Rows } from "../../roclip/measures.ts";
import { beginRun, readRun } from "../../roclip/runFolder.ts";
import { beginSession } from "../../roclip/session.ts";
import { type EpochModel, loadModel, type StepReport, train } from "../../roclip/train.ts";
import { config, expectSameAfterStops, metricsOf, newRun, removeRuns, stateBits } from "./runs.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => {
  device.close();
  removeRuns();
});

describe("a training run", () => {
  it("learns, matches in the epochs it should, and logs every step and epoch", async () => {
    const options = await newRun(device);
    const run = await train(options);
    expect(run.finished).toBe(true);
    expect(run.results.map((r) => r.phase)).toEqual(["plain", "matching", "plain"]);
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
  const crosswise = { ...config.roclip, frequency: 1, judge: 0.5, judgeCrosswise: true };
  const sgdBoth = { optimiser: "sgd", lr: 0.05, clipNorm: 1, roclip: both };
  it.each([
    ["the defaults", {}],
    ["SGD, clipping and pools of both kinds, encoded anew", sgdBoth],
    ["pairs judged by the pool", { roclip: { ...config.roclip, judge: 0.3 } }],
    ["pairs judged crosswise", { epochs: 4, ema: 0.9, roclip: crosswise }],
    ["micro-batches, captions encoded anew", { microBatch: 4, roclip: reencoded }],
    ["products of f16, activations computed again", { precision: "amp", recompute: 1 }],
    ["averaged weights and a text tower that trains throughout", { ema: 0.9, roclip: reencoded }],
  ])(
    "goes on after an interruption to the same bits as without one, with %s",
    async (_, changes) => {
      await expectSameAfterStops(device, changes, [3, 9] /* plain; matching */);
    },
  );

  it("takes a step though it is stopped at once, so that no epoch is opened twice", async () => {
    const options = await newRun(device);
    await train({ ...options, signal: AbortSignal.abort() });
    expect((await readRun(options.folder)).progress.step).toBe(1);
  });

  it("encodes every pool row anew, by its id", async () => {
    const roclip = { ...config.roclip, direction: "both", reencodeEvery: 4 };
    const session = await beginSession(await newRun(device, { roclip }));
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
    const { train: data, tokenizer } = await newRun(device);
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
      const options = await newRun(device, { defence: "clip", ema });
      const run = await train(options);
      const { state, tokenizer } = loadModel(device, await readRun(options.folder));
      const embedder = await createEmbedder(device, options.config, state, tokenizer);
      const subjects = subjectsOf(options.config, options.evaluation);
      expect(await evaluate(embedder, subjects, options.evaluation)).toEqual(run.last);
      images.push(await embedder.images(options.evaluation.test));
      const again = await train({ ...options, resume: true }); // with no epoch left to run
      expect(again.last).toEqual(run.last);
    }
    expect(images[0]).not.toEqual(images[1]); // trained alike, evaluated by averages
  });

  it("is measured after every epoch as from its checkpoint, and is the same run as without", async () => {
    const without = await newRun(device);
    await train(without);
    const options = await newRun(device);
    const { train: data, evaluation, folder } = options;
    const attacked = { dataset: data, truth: [], notes: [] };
    const about = { device, seed: 1, judge: 0, data: { ...evaluation, train: data } };
    const measure = (model: EpochModel) =>
      assess({ ...about, ...model, attacked: () => attacked }, ["audit", "probe"], () => undefined);
    const controller = new AbortController();
    const onStep = ({ step }: StepReport) => step === 9 && controller.abort();
    await train({ ...options, measure, signal: controller.signal, onStep });
    await train({ ...options, measure, resume: true });
    const lines = metricsOf(folder);
    const measured = lines.filter(({ kind }) => kind === "measures");
    expect(measured.map(({ epoch, phase, step }) => [epoch, phase, step])).toEqual([
      ...[
        [1, "plain", 6],
        [2, "matching", 12],
        [3, "plain", 18],
      ],
    ]);
    expect(lines.filter((line) => !measured.includes(line))).toEqual(metricsOf(without.folder));
    expect(stateBits(folder)).toEqual(stateBits(without.folder));
    const { state, tokenizer } = loadModel(device, await readRun(folder));
    const embedder = await createEmbedder(device, config, state, tokenizer);
    const subjects = subjectsOf(config, evaluation);
    expect(measured[2]!.measures).toEqual(await measure({ embedder, state, subjects }));
    expect(measured[0]!.measures).not.toEqual(measured[2]!.measures);
  });

  it("stops at a loss that is not finite and names the step", async () => {
    const options = await newRun(device, { lr: 1e30, warmupSteps: 0 });
    await expect(train(options)).rejects.toThrow(
      /the loss must be finite; it is \S+ at epoch 1, step \d+/,
    );
  });

  it("refuses a folder that holds a run, another model's checkpoint, a batch beyond the data", async () => {
    const options = await newRun(device, { epochs: 1 });
    await expect(beginRun(options.folder, config, [])).rejects.toThrow(
      "a new run must have a folder of its own",
    );
    await train(options);
    const wider = { ...options, config: { ...options.config, embedding: 32, epochs: 2 } };
    await expect(train({ ...wider, resume: true })).rejects.toThrow(/f32\[.*\].*f32\[.*\]/s);
    await expect(train(await newRun(device, { batch: 97 }))).rejects.toThrow(
      "it is 97 of 96 pairs",
    );
    await expect(
      train(await newRun(device, { roclip: { ...config.roclip, poolSize: 8 } })),
    ).rejects.toThrow("the pool must hold at least one batch");
  });
});
