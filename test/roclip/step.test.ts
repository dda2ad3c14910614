/** Properties of the step that hold for any values. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  compile,
  type Device,
  type HostArray,
  type HostData,
  input,
  mapTree,
  openDevice,
  readState,
  release,
  unitRows,
} from "../../engine/index.ts";
import { batchInputs } from "../../roclip/inputs.ts";
import {
  type HeldState,
  holdState,
  initState,
  MAX_LOGIT_SCALE,
  NO_MATCH,
} from "../../roclip/model.ts";
import { fillPools } from "../../roclip/pool.ts";
import { trainingStep } from "../../roclip/step.ts";
import { textFeatures } from "../../roclip/text.ts";
import { worstError } from "../check.ts";
import {
  CAPTIONS,
  config,
  configOf,
  DECAY,
  hostBatch,
  PAIRS,
  stateAfter,
  VOCABULARY,
} from "./states.ts";

const { batch: B, contextLength: T, embedding: E } = config;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe("a step", () => {
  const pick = (state: Map<string, HostArray>, pattern: RegExp) =>
    [...state].filter(([path]) => pattern.test(path));

  it("has the same bits every time", async () => {
    expect(await stateAfter(device, "PMP")).toEqual(await stateAfter(device, "PMP"));
  });

  it("that matches leaves the text tower and its moments, and nothing else, as is", async () => {
    const before = await stateAfter(device, "PP");
    const matched = await stateAfter(device, "PPM");
    const text = /^(params|moments\.\w+)\.text\./;
    expect(pick(matched, text).length).toBeGreaterThan(0);
    expect(pick(matched, text)).toEqual(pick(before, text));
    for (const [path, leaf] of matched)
      if (!text.test(path)) expect(leaf, path).not.toEqual(before.get(path));
  });

  it("that encodes matches anew trains the text tower, by the captions of the matched ids", async () => {
    const roclip = { poolSize: 16, textGradient: "re-encoded" };
    const before = await stateAfter(device, "PP", { roclip });
    const matched = await stateAfter(device, "PPM", { roclip });
    const text = /^(params|moments\.\w+)\.text\.(?!layers\.\d+\.qkv\.bias)/;
    for (const [path, leaf] of pick(matched, text))
      if (path !== "params.text.tokens") expect(leaf, path).not.toEqual(before.get(path));
    // First moments that decayed by β₁ had no gradient; those of tokens in a matched caption did.
    const [width] = before.get("params.text.tokens")!.shape.slice(1) as [number];
    const moment = (state: typeof matched) => state.get("moments.first.text.tokens")!.data;
    const touched = Array.from({ length: VOCABULARY }, (_, token) => {
      const row = (data: HostData) => Array.from(data.slice(token * width, (token + 1) * width));
      const old = row(moment(before));
      return row(moment(matched)).some((m, i) => Math.abs(m - 0.9 * old[i]!) > 1e-6);
    });
    const ids = hostBatch(2).pairs.map((pair) => matched.get("matches")!.data[pair]!);
    const read = new Set(
      Array.from(ids, (id) => {
        return Array.from(CAPTIONS.tokens.data.slice(id * T, id * T + CAPTIONS.ends.data[id]! + 1));
      }).flat(),
    );
    expect(touched.flatMap((is, token) => (is ? [token] : [])).sort()).toEqual([...read].sort());
  });

  it("that encodes matches anew must be given the captions", () => {
    const chosen = configOf({ roclip: { textGradient: "re-encoded" } });
    const { params, ...rest } = initState(chosen, VOCABULARY, PAIRS);
    const state = mapTree({ params, ...rest }, ({ shape, data }: HostArray, path) =>
      input(path, shape, data instanceof Float32Array ? "f32" : "u32"),
    );
    const step = () =>
      trainingStep(chosen, state as HeldState, batchInputs(chosen, "matching"), "matching");
    expect(step).toThrow("captions must be given where roclip.textGradient");
  });

  it("that is plain feeds the pool of RoCLIP, and of nobody else", async () => {
    const start = await stateAfter(device, "");
    const pool = /^pool\./;
    const matching = { poolSize: 16, poolUpdate: "matching" };
    for (const changes of [{ defence: "clip" }, { roclip: matching }])
      expect(pick(await stateAfter(device, "P", changes), pool)).toEqual(pick(start, pool));
    const fed = await stateAfter(device, "PP");
    expect(fed.get("pool.cursor")!.data).toEqual(Uint32Array.of(12, 12));
    const ids = [...hostBatch(0).pairs, ...hostBatch(1).pairs, ...Array(4).fill(NO_MATCH)];
    expect([...fed.get("pool.ids")!.data]).toEqual(ids);
    expect(fed.get("matches")).toEqual(start.get("matches"));
  });

  it("drops of a batch what is beyond the pool's end, where told to, and begins anew", async () => {
    const roclip = { poolSize: 16, poolWrap: "drop" };
    const [three, four] = await Promise.all(
      ["PPP", "PPPP"].map((steps) => stateAfter(device, steps, { roclip })),
    );
    const pairs = (step: number) => [...hostBatch(step).pairs];
    const ids = [0, 1, 2].flatMap(pairs).slice(0, 16); // 6, 6, and 4 of the third batch
    expect([...three!.get("pool.ids")!.data]).toEqual(ids);
    expect(three!.get("pool.cursor")!.data).toEqual(Uint32Array.of(0, 16));
    expect([...four!.get("pool.ids")!.data]).toEqual([...pairs(3), ...ids.slice(6)]);
    const ring = await stateAfter(device, "PPP", { roclip: { poolSize: 16 } });
    expect([...ring.get("pool.ids")!.data]).toEqual([...pairs(2).slice(4), ...ids.slice(2)]);
    expect(ring.get("pool.cursor")!.data).toEqual(Uint32Array.of(2, 16));
  });

  it("that matches records the captions by pair", async () => {
    const matches = (await stateAfter(device, "PM")).get("matches")!.data;
    const { pairs } = hostBatch(1);
    const fed = new Set(hostBatch(0).pairs); // all that the pool held at the query
    matches.forEach((id, pair) => {
      expect(pairs.includes(pair) ? fed.has(id) : id === NO_MATCH, `pair ${pair}`).toBe(true);
    });
  });

  it("averages weights and statistics over the steps, the latest most, the initial not at all", async () => {
    const steps = "PMP";
    const states = [];
    for (const length of [1, 2, 3])
      states.push(await stateAfter(device, steps.slice(0, length), { ema: DECAY }));
    const last = states.at(-1)!;
    const averages = pick(last, /^average\./);
    expect(averages.length).toBe(pick(last, /^(params|statistics)\./).length);
    const weights = [DECAY ** 2, DECAY, 1];
    const all = weights.reduce((sum, w) => sum + w);
    for (const [path, { data }] of averages) {
      const values = states.map((state) => state.get(path.replace("average.", ""))!.data);
      const mean = Float64Array.from(data, (_, i) =>
        values.reduce((sum, value, step) => sum + (weights[step]! / all) * value[i]!, 0),
      );
      const { error, text } = worstError(data, mean);
      expect(error, `${path}${text}`).toBeLessThan(1e-6); // a few roundings
    }
    const without = await stateAfter(device, steps);
    expect(pick(without, /^average\./)).toEqual([]);
    expect(pick(last, /^(?!average\.)/)).toEqual([...without]);
  });

  it("keeps the logit scale within its bounds", async () => {
    for (const [value, bound] of [
      [9, Math.fround(MAX_LOGIT_SCALE)],
      [-1, 0],
    ] as const)
      for (const steps of ["P", "M"]) {
        const noise = { roclip: { poolSize: 16, poolStart: "noise" } };
        const start = { "params.logitScale": { shape: [], data: Float32Array.of(value) } };
        expect(
          (await stateAfter(device, steps, noise, start)).get("params.logitScale")!.data[0],
        ).toBe(bound);
      }
  });

  it("fills the pool with unit text vectors and their captions' ids", async () => {
    const state: HeldState = holdState(device, initState(config, VOCABULARY, PAIRS));
    const inputs = batchInputs(config, "plain");
    const { tokens, ends, pairs } = hostBatch(0);
    const { tokens: captions, ends: places } = inputs.parts[0];
    const features = textFeatures(state.params.text, config, captions, places);
    const plan = await compile(device, {
      outputs: { expected: unitRows(features) },
      updates: fillPools(config, state, inputs),
    });
    plan.run({ tokens, ends, pairs });
    const { expected } = await plan.read();
    const pool = await readState(device, state.pool);
    expect(pool.rows.data.slice(0, B * E)).toEqual(expected);
    expect(pool.ids.data.slice(0, B)).toEqual(pairs);
    expect(pool.cursor.data).toEqual(Uint32Array.of(B, B));
    plan.destroy();
    release(device, state);
  });
});
