/** Judging: ranks in a pool, their averages, and steps that leave pairs out. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  type HostArray,
  openDevice,
  type Stream,
  stream,
} from "../../engine/index.ts";
import type { Dataset } from "../../roclip/data/dataset.ts";
import type { Embedder } from "../../roclip/evaluate.ts";
import { averagedRanks, ranksOf } from "../../roclip/judge.ts";
import { UNJUDGED } from "../../roclip/model.ts";
import { hostBatch, PAIRS, stateAfter } from "./states.ts";

const WIDTH = 5;
const MARGIN = 2 ** -16; // of rankInPool
const COUNT = 300; // more than are ranked at a time

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

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

describe("a step of a judge", () => {
  const roclip = { poolSize: 16, judge: 0.5 };
  const trained = async (kept: (pair: number) => boolean, steps = "PM") => {
    const data = Float32Array.from({ length: PAIRS }, (_, pair) => (kept(pair) ? 1 : 0));
    const state = await stateAfter(
      device,
      steps,
      { roclip },
      {
        "judged.kept": { shape: [PAIRS], data },
      },
    );
    return [...state].filter(([path]) => /^(params|moments)/.test(path));
  };

  it("is the plain step where every pair is kept", async () => {
    expect(await trained(() => true)).toEqual(await trained(() => true, "PP"));
  });

  it("is decided by its own pairs alone", async () => {
    const { pairs } = hostBatch(1);
    const others = await trained((pair) => pairs.includes(pair));
    expect(others).toEqual(await trained(() => true));
    expect(await trained((pair) => pair !== pairs[0])).not.toEqual(others);
  });

  it("learns nothing where no pair is kept", async () => {
    const none = new Map<string, HostArray>(await trained(() => false));
    const first = new Map<string, HostArray>(await trained(() => false, "P"));
    const moment = "moments.first.text.projection";
    // The first moment of no gradient: β₁ of what it was.
    const faded = [...first.get(moment)!.data].map((x) => 0.9 * x);
    none.get(moment)!.data.forEach((x, i) => {
      expect(x).toBeCloseTo(faded[i]!, 8);
    });
  });
});
