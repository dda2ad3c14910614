/** AdamW over a tree, several steps, against the formula in float64. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, openDevice } from "../engine/device.ts";
import { constant, type HostArray, input, type Tensor } from "../engine/graph.ts";
import { hold, release, type Sharing } from "../engine/held.ts";
import { adamWInit, adamWSchedule, adamWUpdate } from "../engine/optim.ts";
import { compile } from "../engine/plan.ts";
import { keyOf, stream } from "../engine/random.ts";
import { readState } from "../engine/read.ts";
import { leaves } from "../engine/tree.ts";
import { worstError } from "./check.ts";

const SETTINGS = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.5 };
const LR = 0.05;
const STEPS = 5;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const draws = stream(keyOf(11));
const array = (...shape: number[]): HostArray => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => draws.normal()),
});

/** The source's algorithm, one number at a time. */
function reference(start: number, gradient: number, decay: number): number {
  let [p, m, v] = [start, 0, 0];
  for (let t = 1; t <= STEPS; t++) {
    m = SETTINGS.beta1 * m + (1 - SETTINGS.beta1) * gradient;
    v = SETTINGS.beta2 * v + (1 - SETTINGS.beta2) * gradient ** 2;
    const mHat = m / (1 - SETTINGS.beta1 ** t);
    const vHat = v / (1 - SETTINGS.beta2 ** t);
    p = p * (1 - LR * decay) - (LR * mHat) / (Math.sqrt(vHat) + SETTINGS.eps);
  }
  return p;
}

describe("AdamW over a tree", () => {
  it("steps as the formula does and decays only what it is told to", async () => {
    const start = { layers: [{ weight: array(3, 4), bias: array(4) }], scale: array() };
    const slopes = { layers: [{ weight: array(3, 4), bias: array(4) }], scale: array() };
    const params = hold(device, start);
    const moments = hold(device, adamWInit(start));
    const tensor = ({ data, shape }: HostArray) => constant(data, shape);
    const grads = {
      layers: slopes.layers.map(({ weight, bias }) => ({
        weight: tensor(weight),
        bias: tensor(bias),
      })),
      scale: tensor(slopes.scale),
    };
    const decays = (path: string, parameter: Tensor) =>
      path.endsWith("weight") && parameter.shape.length > 1;
    const schedule = input("schedule", [3]);
    const settings = { ...SETTINGS, decays };
    const updates = adamWUpdate(grads, moments, params, schedule, settings);
    const plan = await compile(device, { outputs: {}, updates });
    for (let step = 1; step <= STEPS; step++)
      plan.run({ schedule: adamWSchedule(step, LR, SETTINGS) });
    const found = await readState(device, params);
    const check = (actual: HostArray, from: HostArray, slope: HostArray, decay: number) => {
      const expected = Float64Array.from(from.data, (p, i) => reference(p, slope.data[i]!, decay));
      expect(worstError(actual.data, expected).error).toBeLessThan(1e-6);
    };
    const [layer, begin, slope] = [found.layers[0]!, start.layers[0]!, slopes.layers[0]!];
    check(layer.weight, begin.weight, slope.weight, SETTINGS.weightDecay);
    check(layer.bias, begin.bias, slope.bias, 0);
    check(found.scale, start.scale, slopes.scale, 0);
    plan.destroy();
    release(device, { params, moments });
  });

  it("updates three neighbours in a dispatch where they share a buffer, to the same bits", async () => {
    // Widths of Vectors that differ, a tensor of several workgroups, one that shares nothing.
    const shapes = { a: [3, 4], b: [4], c: [8, 300], d: [12], e: [257], f: [], g: [5], alone: [4] };
    const drawn = () =>
      Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, array(...shape)]));
    const [start, slopes] = [drawn(), drawn()];
    const step = async (sharing?: Sharing) => {
      const state = hold(device, { params: start, moments: adamWInit(start) }, sharing);
      const constants = Object.entries(slopes).map(([name, { data, shape }]) => [
        name,
        constant(data, shape),
      ]);
      const grads: Record<string, Tensor> = Object.fromEntries(constants);
      const schedule = input("schedule", [3]);
      const settings = { ...SETTINGS, decays: (path: string) => path > "b" };
      const updates = adamWUpdate(grads, state.moments, state.params, schedule, settings);
      const plan = await compile(device, { outputs: {}, updates });
      for (let at = 1; at <= STEPS; at++) plan.run({ schedule: adamWSchedule(at, LR, SETTINGS) });
      const found = leaves<HostArray>(await readState(device, state));
      plan.destroy();
      release(device, state);
      return { found, dispatches: plan.steps.length };
    };
    const apart = await step();
    const shared = await step((path) =>
      path.endsWith("alone") ? undefined : path.slice(0, path.lastIndexOf(".")),
    );
    expect(shared.found).toEqual(apart.found);
    expect(apart.dispatches).toBe(8);
    expect(shared.dispatches).toBe(4); // a b c, d, e f g, alone
  });

  it("makes its corrections in double", () => {
    const [lr, first, second] = adamWSchedule(1, 0.25, { beta1: 0.9, beta2: 0.999 });
    expect([lr, first, second]).toEqual([0.25, Math.fround(10), Math.fround(1000)]);
    expect(() => adamWSchedule(0, 0.25, SETTINGS)).toThrow(/step must be at least 1; it is 0/);
  });

  it("names a parameter without a gradient", () => {
    const params = { weight: input("weight", [2]) };
    const nothing = { weight: undefined as unknown as Tensor };
    const settings = { ...SETTINGS, decays: () => true };
    expect(() =>
      adamWUpdate(nothing, { first: params, second: params }, params, input("s", [3]), settings),
    ).toThrow(/weight has not/);
  });
});
