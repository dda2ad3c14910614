/** Five steps of the baselines against PyTorch (test/golden/baselines.py), and their switches. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  compile,
  type Device,
  type HostArray,
  keyOf,
  leaves,
  mapTree,
  openDevice,
  readState,
  release,
} from "../../engine/index.ts";
import { adamWSchedule, averageRate } from "../../engine/optim.ts";
import { identityDraws } from "../../roclip/augment.ts";
import { cleanRows } from "../../roclip/baselines/cleanclip.ts";
import { safePairs } from "../../roclip/baselines/safeclip.ts";
import { VIEWS } from "../../roclip/baselines/views.ts";
import type { HostBatch } from "../../roclip/batches.ts";
import { type Config, parseConfig } from "../../roclip/config.ts";
import { batchInputs, inputsFor } from "../../roclip/inputs.ts";
import { type HeldState, holdState, initState } from "../../roclip/model.ts";
import { epochOrder } from "../../roclip/order.ts";
import { learningRate, phaseOf, type StepKind } from "../../roclip/schedule.ts";
import { trainingStep } from "../../roclip/step.ts";
import type { TruthRow } from "../../roclip/truth.ts";
import { worstError } from "../check.ts";
import { goldenFile } from "./golden.ts";
import { stateAfter } from "./states.ts";

const LOSS = 1e-4; // relative
const PARAMETER = 1e-3; // of how far its largest entry moved
const SCHEDULE_STEPS = 10; // of the cosine in training.py
const KINDS: Readonly<Record<string, StepKind>> = { C: "clean", U: "unimodal", P: "plain" };

const { metadata, stored, wide, under, rowsOf } = goldenFile("baselines");
const shared = goldenFile("training"); // initial parameters and pairs
const settings: Record<string, { order: string; config: object }> = JSON.parse(metadata.settings!);

/** The inputs of a step: second views below the first where its kind has two. */
function hostBatch(config: Config, step: number, kind: StepKind): HostBatch {
  const { batch, contextLength, imageSize } = config;
  const pairs = (shared.stored("data.pairs").data as Uint32Array).slice(
    step * batch,
    (step + 1) * batch,
  );
  const views = VIEWS[kind].map((_, view) => (name: string) => {
    return view === 0 ? shared.rowsOf(`data.${name}`, pairs) : rowsOf(`second.${name}`, pairs);
  });
  const both = (name: string) => Uint32Array.from(views.flatMap((rows) => [...rows(name)]));
  const ends = views.flatMap(() => [...shared.rowsOf("data.ends", pairs)]);
  const schedule = adamWSchedule(step + 1, learningRate(config, step, SCHEDULE_STEPS), config);
  return {
    images: both("images"),
    draws: identityDraws(ends.length, imageSize),
    tokens: both("tokens"),
    ends: Uint32Array.from(ends, (end, i) => i * contextLength + end),
    pairs,
    schedule,
    textSchedule: schedule,
    averageRate: averageRate(step + 1, config.ema),
  };
}

/** The state that both sides start from. */
function initialState(config: Config) {
  const [vocabulary] = shared.stored("initial.text.tokens").shape as [number];
  const [pairs] = shared.stored("data.tokens").shape as [number];
  const pools = stored("pools").data as Float32Array; // of captions, then of images
  const half = pools.length / 2;
  return mapTree(initState(config, vocabulary, pairs), (leaf: HostArray, path) => {
    if (path.startsWith("params.")) return shared.stored(path.replace("params", "initial"));
    const [, kind, part] = /^(pool|imagePool)\.(rows|cursor)$/.exec(path) ?? [];
    if (config.defence !== "safeclip" || !kind) return leaf;
    const { shape } = leaf;
    if (part === "cursor") return { shape, data: Uint32Array.of(0, config.safeclip.poolSize) };
    return { shape, data: kind === "pool" ? pools.slice(0, half) : pools.slice(half) };
  });
}

async function trainFive(device: Device, config: Config, order: string) {
  const state: HeldState = holdState(device, initialState(config));
  const losses: number[] = [];
  for (const [step, letter] of [...order].entries()) {
    const kind = KINDS[letter]!;
    const next = trainingStep(config, state, batchInputs(config, kind), kind);
    const plan = await compile(device, { outputs: { loss: next.loss }, updates: next.state });
    plan.run(inputsFor(plan, hostBatch(config, step, kind)));
    losses.push((await plan.read("loss")).loss![0]!);
    plan.destroy();
  }
  const after = new Map(leaves<HostArray>(await readState(device, state)));
  release(device, state);
  return { losses, after };
}

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe.each(Object.entries(settings))("%s", (name, { order, config: own }) => {
  it(`has PyTorch's losses and weights (${order})`, async () => {
    const config = parseConfig({ ...JSON.parse(metadata.config!), ...own });
    const { losses, after } = await trainFive(device, config, order);
    const expected = stored(`${name}.losses`).data;
    for (const [step, loss] of losses.entries()) {
      const text = `step ${step}: ${loss} instead of ${expected[step]}`;
      expect(Math.abs(loss / expected[step]! - 1), text).toBeLessThanOrEqual(LOSS);
    }
    expect(under(`${name}.params`)).toHaveLength(3);
    for (const path of under(`${name}.params`)) {
      const start = shared.wide(`initial.${path}`);
      const moved = wide(`${name}.params.${path}`).map((x, i) => x - start[i]!);
      const found = after.get(`params.${path}`)!.data;
      const { error, text } = worstError(
        Float32Array.from(found, (x, i) => x - start[i]!),
        moved,
      );
      expect(error, `${path}${text}`).toBeLessThanOrEqual(PARAMETER);
    }
  });
});

describe("CleanCLIP", () => {
  const trained = async (cleanclip: object) => {
    const changes = { defence: "cleanclip", pretrained: "a run", cleanclip };
    return (await stateAfter(device, "C", changes)).get("params.image.projection");
  };

  it("weighs CLIP's loss and the unimodal ones", async () => {
    const usual = await trained({});
    expect(await trained({})).toEqual(usual);
    expect(await trained({ clipWeight: 0 })).not.toEqual(usual);
    expect(await trained({ unimodalWeight: 0 })).not.toEqual(usual);
  });

  const rows = (json: object, truth: readonly number[] = []) => {
    const config = parseConfig({ defence: "cleanclip", pretrained: "a run", ...json });
    return cleanRows(
      config,
      40,
      truth.map((row) => ({ row }) as TruthRow),
    );
  };

  it("takes pairs that the ground truth does not list, as many as asked for, by the seed", () => {
    const attacked = [0, 3, 5, 39];
    const found = rows({ cleanclip: { pairs: 36 } }, attacked);
    const clean = Array.from({ length: 40 }, (_, row) => row).filter((r) => !attacked.includes(r));
    expect([...found].sort((a, b) => a - b)).toEqual(clean);
    expect(rows({ cleanclip: { pairs: 0.25 } })).toHaveLength(10);
    expect(rows({ cleanclip: { pairs: 10 } })).toEqual(rows({ cleanclip: { pairs: 0.25 } }));
    expect(rows({ cleanclip: { pairs: 10 }, seed: 2 })).not.toEqual(rows({ seed: 1 }));
  });

  it("refuses more pairs than are clean, and to begin with nothing", () => {
    expect(() => rows({ cleanclip: { pairs: 37 } }, [0, 3, 5, 39])).toThrow(
      "as many training pairs must be clean; 36 of 40 are, and 37 are asked for",
    );
    expect(() => parseConfig({ defence: "cleanclip" })).toThrow("pretrained must name the model");
  });
});

describe("SafeCLIP", () => {
  const safeclip = (json: object = {}) => parseConfig({ defence: "safeclip", ...json });
  const phases = (json: object) =>
    [1, 2, 3, 4, 5].map((epoch) => phaseOf(safeclip({ safeclip: json }), epoch));

  it("trains each modality alone, then slowly by pairs, then splits", () => {
    const shares = { unimodalEpochs: 2, slowEpochs: 1 };
    expect(phases(shares)).toEqual(["unimodal", "unimodal", "slow", "split", "split"]);
    expect(phases({ ...shares, slowEpochs: 0 })[2]).toBe("split");
    expect(phases({ ...shares, unimodalEpochs: 1 })[1]).toBe("slow");
  });

  it("is slow in its slow epochs alone", () => {
    const rates = (slowLr: number) => {
      const own = { unimodalEpochs: 1, slowEpochs: 1, slowLr };
      const config = safeclip({ safeclip: own, lr: 2, lrSchedule: "constant", warmupSteps: 0 });
      return [0, 1, 2, 3, 4, 5].map((step) => learningRate(config, step, 2));
    };
    expect(rates(0.5)).toEqual([2, 2, 1, 1, 2, 2]);
    expect(rates(0.25)[2]).toBe(0.5);
  });

  // Ten dissimilar pairs, and thirty that are ever more similar.
  const similarities = Float64Array.from({ length: 40 }, (_, i) => (i < 10 ? 0.01 * i : 0.02 * i));
  const rowsOfSafe = (json: object, earlier?: { first: number; epochs: number }) =>
    [...safePairs(safeclip({ safeclip: json }), similarities, earlier)].flatMap((is, row) =>
      is ? [row] : [],
    );

  it("takes pairs that are safe with enough probability, at first", () => {
    const strict = rowsOfSafe({ threshold: 0.999 });
    const lenient = rowsOfSafe({ threshold: 0.5 });
    expect(strict.length).toBeLessThan(lenient.length);
    expect(lenient).toEqual(expect.arrayContaining(strict));
    expect(Math.min(...lenient)).toBeGreaterThan(9);
    expect(lenient.at(-1)).toBe(39);
  });

  it("takes ever more of the safest later, to a bound", () => {
    const count = (json: object, epochs: number) => rowsOfSafe(json, { first: 8, epochs }).length;
    expect([1, 2, 3].map((epochs) => count({ growth: 0.1 }, epochs))).toEqual([12, 16, 20]);
    expect(count({ growth: 0.05 }, 2)).toBe(12);
    expect(count({ growth: 0.1, most: 0.35 }, 3)).toBe(14);
    const safest = rowsOfSafe({ growth: 0.1 }, { first: 8, epochs: 1 });
    expect(rowsOfSafe({ growth: 0.1 }, { first: 8, epochs: 2 })).toEqual(
      expect.arrayContaining(safest),
    );
  });

  it("finds neighbours in pools of its own size", () => {
    const { pool, imagePool } = initState(safeclip({ safeclip: { poolSize: 0.5 } }), 40, 60);
    expect([pool.ids.shape, imagePool!.ids.shape]).toEqual([[30], [30]]);
  });

  it("trains no risky pair as a pair, and every pair once, but for what is left over", () => {
    const config = safeclip({ batch: 8, safeclip: { unimodalEpochs: 0, slowEpochs: 0 } });
    for (const count of [0, 5, 8, 21, 40, 43]) {
      const safe = Uint32Array.from({ length: 43 }, (_, row) => (row < count ? 1 : 0));
      const { rows, kindAt } = epochOrder(config, 1, 43, { safe }, keyOf(3));
      expect(rows).toHaveLength(40);
      expect(new Set(rows).size).toBe(40);
      const kinds = [0, 1, 2, 3, 4].map(kindAt);
      const plain = Math.floor(count / 8);
      const expected = [...Array(5 - plain).fill("unimodal"), ...Array(plain).fill("plain")];
      expect(kinds).toEqual(expected);
      for (const row of rows.slice(40 - 8 * plain)) expect(row).toBeLessThan(count);
    }
    expect(() => epochOrder(config, 1, 43, {}, keyOf(3))).toThrow("the safe pairs must be given");
  });
});
