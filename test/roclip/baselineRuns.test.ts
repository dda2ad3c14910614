/** Whole runs of the baselines. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, leaves, openDevice } from "../../engine/index.ts";
import { chooseSafe } from "../../roclip/baselines/safeSet.ts";
import { createBatches } from "../../roclip/batches.ts";
import { chosenNow } from "../../roclip/chosen.ts";
import { createEmbedder } from "../../roclip/evaluate.ts";
import { initState, type State } from "../../roclip/model.ts";
import { pretrainedTokenizer, readPretrained } from "../../roclip/pretrained.ts";
import { readRun } from "../../roclip/runFolder.ts";
import { beginSession } from "../../roclip/session.ts";
import { train } from "../../roclip/train.ts";
import { config, expectSameAfterStops, metricsOf, newRun, removeRuns, stateBits } from "./runs.ts";

const COMPILE_MS = 120_000; // the plans of a run, on a software adapter

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => {
  device.close();
  removeRuns();
});

describe("CleanCLIP", () => {
  let poisoned = "";
  let changes = {};
  beforeAll(async () => {
    const options = await newRun(device, { defence: "clip", epochs: 2 });
    await train(options);
    poisoned = options.folder;
    const cleanclip = { ...config.cleanclip, pairs: 32 };
    changes = { defence: "cleanclip", pretrained: poisoned, lr: 1e-3, cleanclip };
  }, COMPILE_MS);

  it("begins with the weights and the tokenizer of the run it is given", async () => {
    const options = await newRun(device, changes);
    const { progress, state } = await readRun(poisoned);
    const tokenizer = await pretrainedTokenizer(options.config);
    expect(tokenizer!.toJSON()).toEqual(progress.tokenizer);
    const like = initState(options.config, tokenizer!.vocabularySize, progress.pairs);
    const { params, statistics } = await readPretrained(options.config, like);
    const saved = state(initState(progress.config, tokenizer!.vocabularySize, progress.pairs));
    expect({ params, statistics }).toEqual({ params: saved.params, statistics: saved.statistics });
    expect(leaves(params)).not.toEqual(leaves((like as State<unknown>).params));
    const wider = await newRun(device, { ...changes, embedding: 32 });
    await expect(train(wider)).rejects.toThrow(/f32\[.*\].*f32\[.*\]/s);
  });

  it("trains on clean pairs alone, one pass over them an epoch", async () => {
    const options = await newRun(device, changes);
    const truth = Array.from({ length: 60 }, (_, i) => ({ row: i, kind: "backdoor" }));
    const evaluation = { ...options.evaluation, truth: truth as never };
    const { chosen, stepsInEpoch, release } = await beginSession({ ...options, evaluation });
    release();
    expect(stepsInEpoch).toBe(2);
    const at = createBatches(options.config, options.train, options.tokenizer, chosen);
    for (const epoch of [1, 2]) {
      const pairs = [...at(epoch, 0).pairs, ...at(epoch, 1).pairs];
      expect(pairs.sort()).toEqual([...chosen.clean!].sort());
      expect(Math.min(...pairs)).toBeGreaterThanOrEqual(60);
    }
    expect(at(1, 0).pairs).not.toEqual(at(2, 0).pairs);
  });

  it("encodes each pair as it is, and augmented", async () => {
    const { config: own, train: data, tokenizer } = await newRun(device, changes);
    const clean = Uint32Array.from({ length: 32 }, (_, i) => i);
    const { draws, tokens, images } = createBatches(own, data, tokenizer, { clean })(1, 0);
    const halves = (x: ArrayLike<number>) => {
      const all = Array.from(x);
      return [all.slice(0, all.length / 2), all.slice(all.length / 2)] as const;
    };
    expect(halves(images)[0]).toEqual(halves(images)[1]);
    for (const part of [draws, tokens]) expect(halves(part)[0]).not.toEqual(halves(part)[1]);
    const plain = createBatches({ ...own, eda: { ...own.eda, enabled: false } }, data, tokenizer, {
      clean,
    })(1, 0);
    expect(halves(plain.tokens)[0]).toEqual(halves(tokens)[0]);
    expect(halves(plain.tokens)[1]).toEqual(halves(tokens)[0]);
  });

  it("goes on after an interruption to the same bits as without one", async () => {
    await expectSameAfterStops(device, changes, [3]);
  });

  it("is measured in every epoch, which it names clean", async () => {
    const { results } = await train(await newRun(device, { ...changes, epochs: 2 }));
    expect(results.map(({ phase }) => phase)).toEqual(["clean", "clean"]);
    expect(results.at(-1)!.zeroShotTop1).toBeGreaterThan(0.6);
  });
});

describe("SafeCLIP", () => {
  const own = { unimodalEpochs: 1, slowEpochs: 1, poolSize: 32, growth: 0.1 };
  const changes = { defence: "safeclip", epochs: 4, safeclip: { ...config.safeclip, ...own } };
  const phases = ["unimodal", "slow", "split", "split"];

  it("is measured in every epoch, logs its safe pairs, and keeps them", async () => {
    const options = await newRun(device, changes);
    const run = await train(options);
    expect(run.results.map(({ phase }) => phase)).toEqual(phases);
    expect(run.results.every(({ loss }) => Number.isFinite(loss))).toBe(true);
    const lines = metricsOf(options.folder).filter(({ kind }) => kind === "safe");
    expect(lines.map(({ epoch }) => epoch)).toEqual([3, 4]);
    const [first, second] = lines.map(({ safe }) => safe as number) as [number, number];
    expect(second).toBe(Math.floor(Math.min(first + 9.6, 0.85 * 96)));
    const bits = stateBits(options.folder) as Record<string, { data: Uint32Array }>;
    expect(bits["safe.first"]!.data).toEqual(Uint32Array.of(first));
    expect(bits["safe.pairs"]!.data.reduce((sum, is) => sum + is, 0)).toBe(second);
  });

  it("counts the attacked among the safe, and chooses the same set again", async () => {
    const options = await newRun(device, changes);
    const truth = Array.from({ length: 96 }, (_, row) => ({ row, kind: "backdoor" }));
    const evaluation = { ...options.evaluation, truth: truth as never };
    const session = await beginSession({ ...options, evaluation });
    const { tokenizer } = options;
    const embedder = await createEmbedder(device, options.config, session.state, tokenizer);
    for (const epoch of [3, 4]) {
      const found = await chooseSafe(session, embedder, epoch);
      expect(found.safe).toBeGreaterThan(0);
      expect(found.attackedSafe).toBe(found.safe); // all pairs are attacked
      const chosen = await chosenNow(session);
      expect(await chooseSafe(session, embedder, epoch)).toEqual(found);
      expect(await chosenNow(session)).toEqual(chosen);
    }
    embedder.destroy();
    session.release();
  });

  it("goes on after an interruption to the same bits as without one", async () => {
    // In the unimodal epoch, the slow one, a split one, and after the last step before another.
    await expectSameAfterStops(device, changes, [3, 9, 14, 18]);
  });

  it("refuses pools smaller than a batch", async () => {
    const small = { ...changes, safeclip: { ...changes.safeclip, poolSize: 8 } };
    await expect(train(await newRun(device, small))).rejects.toThrow(
      "safeclip.poolSize: the pool must hold at least one batch; it has 8 rows",
    );
  });
});
