/** Judging: ranks in a pool, their averages, and epochs that leave pairs out. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  type HostArray,
  openDevice,
  type Stream,
  stream,
} from "../../engine/index.ts";
import { parseConfig } from "../../roclip/config.ts";
import type { Dataset } from "../../roclip/data/dataset.ts";
import { createEmbedder, type Embedder } from "../../roclip/evaluate.ts";
import { averagedRanks, judgeAll, keptRows, ranksOf } from "../../roclip/judge.ts";
import { UNJUDGED } from "../../roclip/model.ts";
import { epochOrder } from "../../roclip/order.ts";
import { stepKinds } from "../../roclip/schedule.ts";
import { beginSession } from "../../roclip/session.ts";
import { newRun, removeRuns } from "./runs.ts";
import { stateAfter } from "./states.ts";

const WIDTH = 5;
const MARGIN = 2 ** -16; // of rankInPool
const COUNT = 300; // more than are ranked at a time

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => {
  device.close();
  removeRuns();
});

/** Vectors of noise, by row. */
const noise = (draws: Stream) =>
  Array.from({ length: COUNT }, () =>
    Array.from({ length: WIDTH }, () => Math.fround(draws.uniform() - 0.5)),
  );

const images = noise(stream([1, 0]));
const captions = noise(stream([2, 0]));
const ids = Array.from({ length: COUNT }, (_, row) => `${row}`);
const train: Dataset = {
  ...{ name: "noise", size: 1, images: new Uint8Array(3 * COUNT), captions: ids, labels: ids, ids },
};

/** Of row n the n-th vectors. */
const embedder = {
  images: async (of: Dataset) => rows(images, of.ids),
  captions: async (of: readonly string[]) => rows(captions, of),
} as Embedder;
const rows = (vectors: number[][], of: readonly string[]) => ({
  data: Float32Array.from(of.flatMap((id) => vectors[Number(id)]!)),
  width: WIDTH,
});

const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

describe("the rank of a pair", () => {
  it("is the larger share of others that are more similar, from both sides", async () => {
    const pool = Array.from({ length: 37 }, (_, i) => 8 * i + 3);
    const found = await ranksOf(device, embedder, train, pool);
    const share = (of: number[], own: number[], others: number[][]) =>
      pool.filter((p) => dot(of, others[p]!) > dot(of, own) + MARGIN).length / pool.length;
    for (let n = 0; n < COUNT; n++) {
      const [image, caption] = [images[n]!, captions[n]!];
      const expected = [share(image, caption, captions), share(caption, image, images)];
      expect(found[n], `pair ${n}`).toBeCloseTo(Math.max(...expected), 6);
    }
  });

  it("is averaged with those of earlier epochs", () => {
    const before = Float32Array.of(UNJUDGED, 0.5, 0);
    const now = Float32Array.of(0.25, 0.25, 1);
    expect([...averagedRanks(before, now, 0.75)]).toEqual([0.25, 0.4375, 0.25]);
  });
});

describe("an epoch of a judge", () => {
  const judging = parseConfig({ batch: 4, roclip: { firstEpoch: 2, frequency: 1, judge: 0.5 } });

  it("goes over the pairs of low rank alone, as long as one of all pairs", () => {
    const kept = keptRows(Float32Array.of(0.25, UNJUDGED, 0.5, 0.75, 0), judging.roclip.judge);
    expect([...kept]).toEqual([0, 2, 4]);
    const order = (epoch: number) => epochOrder(judging, epoch, 11, { kept }, [1, epoch]);
    expect([...order(1).rows].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 11 }, (_, i) => i),
    );
    const { rows } = order(2);
    expect(rows.length).toBe(11);
    for (const first of [0, 3, 6])
      expect([...rows.slice(first, first + 3)].sort()).toEqual([0, 2, 4]);
    expect(order(3).rows).not.toEqual(rows);
  });

  it("is of plain steps, which feed no pool", async () => {
    expect(stepKinds(judging)).toEqual(["plain"]);
    const roclip = { poolSize: 16, judge: 0.5 };
    const pick = (state: Map<string, HostArray>, pattern: RegExp) =>
      [...state].filter(([path]) => pattern.test(path));
    const pool = (state: Map<string, HostArray>) => pick(state, /^pool/);
    const trained = (state: Map<string, HostArray>) => pick(state, /^(params|moments)/);
    const [begun, judged, plain] = [
      await stateAfter(device, "", { roclip }),
      await stateAfter(device, "PP", { roclip }),
      await stateAfter(device, "PP", { roclip: { poolSize: 16 } }),
    ];
    expect(pool(judged)).toEqual(pool(begun));
    expect(pool(plain)).not.toEqual(pool(begun));
    expect(trained(judged)).toEqual(trained(plain));
  });

  it("is refused where fewer pairs than a batch are kept", async () => {
    const options = await newRun(device, { roclip: { ...judging.roclip, judge: 1e-6 } });
    const session = await beginSession(options);
    const { config, tokenizer } = options;
    const embedder = await createEmbedder(device, config, session.state, tokenizer);
    await expect(judgeAll(session, embedder, 2)).rejects.toThrow(
      /^roclip\.judge: a batch of \d+ pairs must be kept; of \d+, \d+ have a rank of at most 0.000001 before epoch 2; choose a larger --roclip-judge/,
    );
    embedder.destroy();
    session.release();
  });
});
