/** Mixed precision: products of f16, and a loss scale that leaves out steps that overflow. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, type HostArray, openDevice } from "../../engine/index.ts";
import { precisionNote } from "../../roclip/cli/train.ts";
import { inUse } from "../../roclip/inUse.ts";
import { describeState } from "../../roclip/model.ts";
import { configOf, PAIRS, stateAfter, VOCABULARY } from "./states.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** 1 − cosine of two tensors as vectors. */
function angle(x: HostArray, y: HostArray): number {
  const [u, v] = [Array.from(x.data), Array.from(y.data)];
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  return 1 - dot(u, v) / Math.sqrt(dot(u, u) * dot(v, v));
}

const pick = (state: Map<string, HostArray>, pattern: RegExp) =>
  [...state].filter(([path]) => pattern.test(path));

const amp = { precision: "amp" };
/** A loss scale to begin with: the first is too large for gradients of random weights. */
const scaled = (by: number) => ({ "lossScale.scale": { shape: [], data: Float32Array.of(by) } });
const SCALE = 2 ** 8;

describe("amp", () => {
  it("rounds what products are made with, and nothing else", () => {
    const { params } = describeState(configOf(amp), VOCABULARY, PAIRS);
    const used = inUse(configOf(amp), params);
    for (const half of [used.text.projection, used.text.layers[0]!.up.weight])
      expect(half.dtype).toBe("f16");
    expect(used.text.tokens).toBe(params.text.tokens);
    expect(used.text.positions).toBe(params.text.positions);
    expect(used.text.layers[0]!.up.bias).toBe(params.text.layers[0]!.up.bias);
    expect(used.logitScale).toBe(params.logitScale);
    expect(inUse(configOf(), params)).toBe(params);
  });

  it("has gradients near those of f32, of plain and of matching steps", async () => {
    for (const steps of ["P", "PM"]) {
      const exact = await stateAfter(device, steps);
      const rounded = await stateAfter(device, steps, amp, scaled(SCALE));
      for (const [path, moment] of pick(exact, /^moments\.first\.(image|text)/)) {
        if (moment.data.every((value) => Math.abs(value) < 1e-7)) continue;
        expect(rounded.get(path)!.data, path).not.toEqual(moment.data);
        expect(angle(rounded.get(path)!, moment), path).toBeLessThan(0.01);
      }
      expect(rounded.get("lossScale.scale")!.data[0]).toBe(SCALE);
      expect(rounded.get("lossScale.steps")!.data[0]).toBe(steps.length);
    }
  });

  it("makes the same bits where elements of f16 have four bytes, and no cast is taken over", async () => {
    const towers = {
      resnet: amp,
      small: { ...amp, image: { width: 4, pool: true, blocks: [1, 1] } },
    };
    for (const [name, changes] of Object.entries(towers)) {
      const folded = await stateAfter(device, "PM", changes, scaled(SCALE));
      const whole = await stateAfter({ ...device, half: false }, "PM", changes, scaled(SCALE));
      expect(folded, name).toEqual(whole);
    }
  });

  it("leaves out a step whose gradients overflow, and halves the scale", async () => {
    for (const changes of [amp, { ...amp, optimiser: "sgd" }]) {
      const before = await stateAfter(device, "", changes);
      const after = await stateAfter(device, "P", changes, scaled(2 ** 24));
      const trained = /^(params|moments)\./;
      expect(pick(after, trained)).toEqual(pick(before, trained));
      expect(after.get("lossScale.scale")!.data[0]).toBe(2 ** 23);
      expect(after.get("lossScale.steps")!.data[0]).toBe(0);
      expect(after.get("pool.cursor")!.data[1]).toBe(6);
    }
  });

  it("clips gradients that are scaled back", async () => {
    const clip = { optimiser: "sgd", clipNorm: 0.01 };
    const clipped = await stateAfter(device, "P", { ...amp, ...clip }, scaled(SCALE));
    const [exact, whole] = [
      await stateAfter(device, "P", clip),
      await stateAfter(device, "P", { ...amp, optimiser: "sgd" }, scaled(SCALE)),
    ];
    const path = "moments.first.text.projection";
    const norm = ({ data }: HostArray) => Math.hypot(...data);
    expect(norm(clipped.get(path)!) / norm(exact.get(path)!)).toBeCloseTo(1, 2);
    expect(norm(clipped.get(path)!)).toBeLessThan(0.5 * norm(whole.get(path)!));
  });

  it("is said to be f32 that was rounded, on an adapter without f16 and there alone", () => {
    const on = (half: boolean) => precisionNote({ precision: "amp" }, { half, name: "an adapter" });
    expect(on(false)).toMatch(/^precision amp: an adapter has no f16 .*speed of f32\.$/);
    expect(on(true)).toBeUndefined();
    expect(precisionNote({ precision: "fp32" }, { half: false, name: "" })).toBeUndefined();
  });
});
