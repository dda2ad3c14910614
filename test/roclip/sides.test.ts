/** The sides of pairs that are judged crosswise: who is with whom, and who is judged by whom. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, keyOf, leaves, openDevice, readState } from "../../engine/index.ts";
import { chosenNow } from "../../roclip/chosen.ts";
import type { Dataset } from "../../roclip/data/dataset.ts";
import { createEmbedder } from "../../roclip/evaluate.ts";
import { judgeAll } from "../../roclip/judge.ts";
import { modelOf, UNJUDGED } from "../../roclip/model.ts";
import { epochOrder } from "../../roclip/order.ts";
import { beginSession } from "../../roclip/session.ts";
import { averageHash, sidesOf } from "../../roclip/sides.ts";
import { config, newRun, removeRuns } from "./runs.ts";

const CROSSWISE = { ...config.roclip, frequency: 1, judge: 0.4, judgeCrosswise: true };

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => {
  device.close();
  removeRuns();
});

/** Grey images whose 4 × 4 cells of 2 × 2 pixels are light where `bits` has ones. */
function cells(images: readonly number[]): Dataset {
  const ids = images.map((_, row) => `${row}`);
  const pixels = images.flatMap((bits) =>
    Array.from({ length: 64 }, (_, pixel) => {
      const cell = Math.floor(pixel / 16) * 4 + Math.floor((pixel % 8) / 2);
      return Array(3).fill((bits >> cell) & 1 ? 200 : 100 + (pixel % 3));
    }).flat(),
  );
  return {
    name: "cells",
    size: 8,
    images: Uint8Array.from(pixels),
    captions: ids,
    labels: ids,
    ids,
  };
}

describe("the sides of pairs", () => {
  it("tell images by which cells are lighter than the mean", () => {
    const bits = [0b1, 0b1000_0000_0000_0000, 0b0110_0000_1111_0101];
    const data = cells(bits);
    expect(bits.map((_, row) => averageHash(data, row))).toEqual(bits);
  });

  it("have every pair once, look-alikes on one side, and are about as large", () => {
    const bits = Array.from({ length: 400 }, (_, row) => (row < 60 ? 7 : 1 + ((row * 37) % 211)));
    const sides = sidesOf({ seed: 3, batch: 8 }, cells(bits));
    expect([...sides[0], ...sides[1]].sort((a, b) => a - b)).toEqual([...bits.keys()]);
    const hashes = sides.map((rows) => new Set([...rows].map((row) => bits[row])));
    expect([...hashes[0]!].filter((hash) => hashes[1]!.has(hash))).toEqual([]);
    expect(Math.abs(sides[0].length - sides[1].length)).toBeLessThan(61);
    expect(sidesOf({ seed: 4, batch: 8 }, cells(bits))).not.toEqual(sides);
  });

  it("must each have a batch", () => {
    const alike = cells(Array(40).fill(5));
    expect(() => sidesOf({ seed: 1, batch: 8 }, alike)).toThrow(
      "either side must have a batch of 8 pairs; one has 0",
    );
  });

  it("are gone over again and again, as long as all pairs would be", () => {
    const sides = [Uint32Array.of(4, 5, 6), Uint32Array.of(1, 2)] as const;
    const own = { ...config, roclip: CROSSWISE };
    const order = (epoch: number) => epochOrder(own, epoch, 8, { sides }, keyOf(1)).rows;
    expect(order(1)).toHaveLength(8);
    expect([0, 3].map((at) => [...order(1).slice(at, at + 3)].sort())).toEqual([
      [4, 5, 6],
      [4, 5, 6],
    ]);
    expect(new Set(order(2))).toEqual(new Set([1, 2]));
    expect([...order(3)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe("judging crosswise", () => {
  it("judges the other side and begins the model anew, then judges all", async () => {
    const options = await newRun(device, { roclip: CROSSWISE });
    const session = await beginSession(options);
    const { state, chosen } = session;
    const embedder = await createEmbedder(device, options.config, state, options.tokenizer);
    const read = async () => ({
      model: leaves(await readState(device, modelOf(state))),
      ...(await readState(device, { ranks: state.ranks! })),
    });
    const begun = await read();
    const plan = await session.plan("plain");
    plan.run(); // weights that are no longer those of the beginning
    expect((await read()).model).not.toEqual(begun.model);
    const first = await judgeAll(session, embedder, 2);
    const other = new Set(chosen.sides![1]);
    const half = await read();
    expect(half.model).toEqual(begun.model);
    half.ranks.data.forEach((rank, row) => {
      expect(rank !== UNJUDGED, `pair ${row}`).toBe(other.has(row));
    });
    const { kept } = await chosenNow(session);
    expect(first.kept).toBe(kept!.length);
    expect([...kept!].every((row) => other.has(row))).toBe(true);
    await judgeAll(session, embedder, 3);
    const whole = await read();
    expect(whole.model).toEqual(begun.model);
    expect([...whole.ranks.data]).not.toContain(UNJUDGED);
    embedder.destroy();
    session.release();
  });
});
