/** The switches of the step and the optimiser: each does what it says. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, type HostArray, leaves, openDevice } from "../../engine/index.ts";
import { initState } from "../../roclip/model.ts";
import { worstError } from "../check.ts";
import { configOf, hostBatch, PAIRS, stateAfter, VOCABULARY } from "./states.ts";

const LR = 0.01; // of states.ts
const POOL = { poolSize: 16 };

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const pick = (state: Map<string, HostArray>, pattern: RegExp) =>
  [...state].filter(([path]) => pattern.test(path));

describe("direction both", () => {
  it("feeds a pool of images beside that of captions, and trains the text tower by it", async () => {
    const roclip = { ...POOL, direction: "both" };
    const before = await stateAfter(device, "PP", { roclip });
    const after = await stateAfter(device, "PPM", { roclip });
    const text = /^params\.text\.(projection|norm\.gain|layers\.0\.up\.weight)$/;
    expect(pick(before, text)).toHaveLength(3);
    for (const [path, leaf] of pick(before, text)) expect(after.get(path), path).not.toEqual(leaf);
    for (const leaf of ["ids", "cursor"])
      expect(after.get(`imagePool.${leaf}`)).toEqual(after.get(`pool.${leaf}`));
    expect(after.get("imagePool.rows")).not.toEqual(after.get("pool.rows"));
    const first = after.get("imagePool.rows")!.data.slice(0, configOf().embedding);
    expect(Math.hypot(...first)).toBeCloseTo(1, 5);
  });
});

describe("duplicates", () => {
  it("excluded take another step where an image shares its caption, negatives the positives'", async () => {
    const state = (duplicates: string) =>
      stateAfter(device, "PM", { roclip: { ...POOL, duplicates } });
    const excluded = await state("excluded");
    const captions = [...hostBatch(1).pairs].map((pair) => excluded.get("matches")!.data[pair]);
    expect(new Set(captions).size).toBeLessThan(captions.length);
    const negatives = await state("negatives");
    const positives = await state("positives");
    const path = "params.image.projection";
    const [a, b, c] = [excluded, negatives, positives].map((found) => found.get(path)!.data);
    expect(worstError(c!, Float64Array.from(b!)).error).toBeLessThan(1e-4);
    expect(worstError(a!, Float64Array.from(b!)).error).toBeGreaterThan(1e-3);
  });
});

describe("the optimiser", () => {
  const start = new Map(leaves<HostArray>(initState(configOf(), VOCABULARY, PAIRS).params));
  const momentum = (state: Map<string, HostArray>) => pick(state, /^moments\.first\./);
  const norm = (state: Map<string, HostArray>) =>
    Math.hypot(...momentum(state).flatMap(([, { data }]) => [...data]));

  it("sgd keeps one moment, and moves by it times the learning rate", async () => {
    const state = await stateAfter(device, "P", { optimiser: "sgd" });
    expect(pick(state, /^moments\.second/)).toEqual([]);
    for (const [path, { data }] of momentum(state)) {
      const name = path.replace("moments.first.", "");
      const expected = Float64Array.from(data, (m, i) => start.get(name)!.data[i]! - LR * m);
      const { error, text } = worstError(state.get(`params.${name}`)!.data, expected);
      expect(error, `${name}${text}`).toBeLessThan(1e-6);
    }
  });

  it("sgd keeps as much of its momentum as it is told", async () => {
    const state = (share: number) =>
      stateAfter(device, "PP", { optimiser: "sgd", momentum: share });
    expect(pick(await state(0), /^params/)).not.toEqual(pick(await state(0.9), /^params/));
  });

  it("clips the norm of all gradients, and keeps their direction", async () => {
    const sgd = { optimiser: "sgd", weightDecay: 0 }; // the first momentum is the gradient
    const free = await stateAfter(device, "P", sgd);
    const limit = norm(free) / 8;
    const clipped = await stateAfter(device, "P", { ...sgd, clipNorm: limit });
    expect(norm(clipped) / limit).toBeCloseTo(1, 5);
    for (const [path, { data }] of momentum(free)) {
      const expected = Float64Array.from(data, (m) => m / 8);
      const { error, text } = worstError(clipped.get(path)!.data, expected);
      expect(error, `${path}${text}`).toBeLessThan(1e-5);
    }
    const within = await stateAfter(device, "P", { ...sgd, clipNorm: 2 * norm(free) });
    expect(momentum(within)).toEqual(momentum(free));
  });
});
