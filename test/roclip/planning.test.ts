/** Plans of runs: what is counted is what a compiled step has; memory asked for is kept. */
import { describe, expect, it } from "vitest";
import { compile, openDevice, outline, release } from "../../engine/index.ts";
import { parseConfig } from "../../roclip/config.ts";
import { PRESETS } from "../../roclip/configs/presets.ts";
import { epochSeconds, leastMsUnder } from "../../roclip/epochForecast.ts";
import { batchInputs } from "../../roclip/inputs.ts";
import { fitMemory } from "../../roclip/memory.ts";
import { holdState, initState, poolRows } from "../../roclip/model.ts";
import { AT_LEAST, countFlops, LAID_OUT, memoryOf } from "../../roclip/planning.ts";
import { inTurns, planKinds } from "../../roclip/programs.ts";
import { trainingStep } from "../../roclip/step.ts";
import { extraFlops, roomsIn } from "../../roclip/whatFits.ts";

const PAIRS = 5000;
const poolBytes = (changes: object) => {
  const config = small(changes);
  const rows = poolRows(config, PAIRS);
  return 4 * (rows * (config.embedding + 1) + 2);
};
const small = (changes: object = {}) =>
  parseConfig({ batch: 64, vocabularySize: 600, ...changes, epochs: 4 });

describe("a plan of a run", () => {
  it("has the bytes of the compiled step, and arithmetic that grows with the batch", async () => {
    const config = small({ defence: "clip" });
    const device = await openDevice();
    const state = holdState(device, initState(config, 600, PAIRS));
    const step = trainingStep(config, state, batchInputs(config, "plain"), "plain");
    const program = { outputs: { loss: step.loss }, updates: step.state };
    const plan = await compile(device, program);
    const { half, gpu } = device;
    const limits = { half, maxBufferSize: gpu.limits.maxBufferSize };
    expect(outline(program, limits).peakBytes()).toBe(plan.memory.peakBytes);
    const memory = memoryOf(config, { pairs: PAIRS, ...limits }, LAID_OUT);
    expect(memory.activations).toBe(plan.memory.peakBytes);
    plan.destroy();
    release(device, state);
    device.close();
    const [once, twice] = [config, { ...config, batch: 128 }].map(
      (own) => countFlops(own, { pairs: PAIRS })[0],
    );
    expect(twice!.forward / once!.forward).toBeGreaterThan(1.99);
    expect(twice!.update).toBe(once!.update);
    expect(once!.backward / once!.forward).toBeGreaterThan(1.5);
  });

  it("counts a product as a person would", () => {
    const forwardOf = (precision: string) => {
      const config = parseConfig({ ...PRESETS.clip!.config, batch: 8, precision });
      return countFlops(config, { pairs: 64 })[0]!.forward;
    };
    const forward = forwardOf("amp"); // every tap, where f32 goes by Winograd's way
    // Radford et al.'s RN50 has 18.2 GFLOP per pair in open_clip's docs/model_profile.csv, which
    // runs the tokens' last projection over all of them.
    expect(forward / 8 / 1e9).toBeGreaterThan(17);
    expect(forward / 8 / 1e9).toBeLessThan(18.5);
    expect(forwardOf("fp32") / forward).toBeLessThan(0.8);
  });
});

describe("what is in memory", () => {
  const memory = (changes: object) => memoryOf(small(changes), { pairs: PAIRS }, LAID_OUT);
  const kinds = (changes: object) => planKinds(small(changes));

  it("is the plans that are needed in turns, not those of other epochs", () => {
    const safeclip = { defence: "safeclip", safeclip: { unimodalEpochs: 1, slowEpochs: 1 } };
    expect(kinds(safeclip)).toEqual(["unimodal", "plain", "fill"]);
    expect(inTurns("unimodal", "plain")).toBe(true);
    expect(inTurns("plain", "matching")).toBe(false);
    const [split, clip] = [memory(safeclip), memory({ defence: "clip" })];
    expect(split.activations).toBeGreaterThan(2.5 * clip.activations); // two views, then one
    expect(split.pools).toBe(4 * PAIRS + 2 * poolBytes(safeclip) + 4 * PAIRS + 4);

    const roclip = { frequency: 1, firstEpoch: 1, poolSize: 1000 };
    const anew = { roclip: { ...roclip, reencodeEvery: 5 } };
    expect(kinds(anew)).toEqual(["matching", "fill", "reencode"]);
    expect(memory(anew).activations).toBeGreaterThan(memory({ roclip }).activations);
  });

  it("is less with products of f16", () => {
    const [whole, mixed] = ["fp32", "amp"].map((precision) => memory({ precision }));
    expect(mixed!.activations).toBeLessThan(0.75 * whole!.activations);
    expect(mixed!.pools).toBe(whole!.pools + 8);
  });

  it("is about half in the layers of a transformer, norms and attention included", () => {
    const layersOf = (precision: string) => {
      const of = (layers: number) => memory({ precision, text: { layers, width: 64, heads: 2 } });
      return of(9).activations - of(1).activations;
    };
    expect(layersOf("amp")).toBeLessThan(0.6 * layersOf("fp32"));
  });
});

describe("a memory", () => {
  const at = (memory: string, changes: object = {}) =>
    fitMemory(small({ memory, ...changes }), { pairs: PAIRS });
  const total = (recompute: number) =>
    memoryOf(small({ recompute }), { pairs: PAIRS }, LAID_OUT).total;
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(3)}MB`;

  it("is kept by as little computed again as it takes", () => {
    const [kept, again] = [total(0), total(1)];
    expect(again).toBeLessThan(kept);
    expect(at("")).toBeUndefined();
    expect(at(megabytes(kept + 1000))!.config.recompute).toBe(0);
    const middle = (kept + again) / 2;
    const fit = at(megabytes(middle))!;
    expect(fit.bytes).toBeLessThanOrEqual(middle + 500);
    expect(fit.bytes).toBe(total(fit.config.recompute));
    expect(fit.config.recompute).toBeGreaterThan(0);
    expect(extraFlops(fit.config, { pairs: PAIRS })).toBeGreaterThan(0);
    expect(at(megabytes(again + 1000))!.config.recompute).toBeGreaterThanOrEqual(
      fit.config.recompute,
    );
  });

  it("that is too small is refused, with what it would take", () => {
    expect(() => at("1MB")).toThrow(/a run must fit 1MB; with all blocks computed again it takes/);
    expect(() => small({ memory: "8 apples" })).toThrow("memory must be an amount as 8GB or 800MB");
  });

  it("has the largest batch that fits it", () => {
    const config = small();
    const least = (batch: number) =>
      memoryOf({ ...config, batch }, { pairs: PAIRS }, AT_LEAST).total;
    const [kept, again] = roomsIn(config, [least(32)], { pairs: PAIRS });
    expect(kept).toMatchObject({ batch: 32, bytes: least(32), recompute: 0 });
    expect(again!.batch).toBeGreaterThanOrEqual(32);
  });
});

it("a forecast is the slower of arithmetic and traffic, over the share", () => {
  const least = leastMsUnder({ gflops: 1000, gbs: 100 });
  const costs = [
    { flops: 3e9, bytes: 1 },
    { flops: 1, bytes: 5e8 },
  ];
  expect(epochSeconds(costs, least, { steps: 10, share: 0.5 })).toBeCloseTo(0.16, 9);
});
