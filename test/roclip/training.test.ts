/** Ten training steps against PyTorch; test/golden/training.py says what the settings are. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  compile,
  type Device,
  grad,
  type HostArray,
  type HostData,
  hold,
  leaves,
  mapTree,
  openDevice,
  readState,
  release,
  type Tensor,
} from "../../engine/index.ts";
import { adamWSchedule, averageRate } from "../../engine/optim.ts";
import { identityDraws } from "../../roclip/augment.ts";
import type { HostBatch } from "../../roclip/batches.ts";
import { type Config, parseConfig } from "../../roclip/config.ts";
import { batchInputs, inputsFor } from "../../roclip/inputs.ts";
import { type HeldState, holdState, initState, type State } from "../../roclip/model.ts";
import { learningRate, matchingTrainsText, type StepKind } from "../../roclip/schedule.ts";
import { stepLoss, trainingStep } from "../../roclip/step.ts";
import { worstError } from "../check.ts";
import { goldenFile } from "./golden.ts";

const STEPS = 10;
const KINDS = ["plain", "matching"] as const;
const COMPILE_MS = 120_000; // four plans of every kernel, on a software adapter
/**
 * The largest errors allowed, relative to a tensor's largest entry (a parameter's: its change).
 * Those on llvmpipe and SwiftShader are at most a tenth, as are those of PyTorch's own float32.
 */
const LIMITS = {
  loss: 1e-4,
  gradient: 1e-3,
  parameter: 1e-3,
  moment: 1e-4,
  statistic: 1e-5,
  pool: 1e-5,
} as const;

const { file, metadata, stored, wide, under, rowsOf } = goldenFile("training");
const settings: Record<string, { order: string; roclip: object; config?: object }> = JSON.parse(
  metadata.settings!,
);
/** Those of which the file holds gradients and the whole state. */
const WHOLE = ["ours", "authors"];

const configOf = (name: string): Config =>
  parseConfig({
    ...JSON.parse(metadata.config!),
    ...settings[name]!.config,
    roclip: settings[name]!.roclip,
  });

/** The state that both sides start from. */
function initialState(config: Config): State<HostArray> {
  const [vocabulary] = stored("initial.text.tokens").shape as [number];
  const [pairs] = stored("data.tokens").shape as [number];
  return mapTree(initState(config, vocabulary, pairs), (leaf: HostArray, path) => {
    if (path.startsWith("params.")) return stored(path.replace("params", "initial"));
    const noise = path === "pool.rows" && config.roclip.poolStart === "noise";
    return noise ? stored("noise") : leaf;
  });
}

/** The inputs of a step, before which there were `plainSteps` that trained the text tower. */
function hostBatch(config: Config, step: number, plainSteps: number): HostBatch {
  const { batch, contextLength, imageSize } = config;
  const lr = learningRate(config, step, STEPS);
  const pairs = (stored("data.pairs").data as Uint32Array).slice(step * batch, (step + 1) * batch);
  return {
    images: rowsOf("data.images", pairs),
    draws: identityDraws(batch, imageSize),
    tokens: rowsOf("data.tokens", pairs),
    ends: rowsOf("data.ends", pairs).map((end, i) => i * contextLength + end),
    pairs,
    schedule: adamWSchedule(step + 1, lr, config),
    textSchedule: adamWSchedule(plainSteps + 1, lr, config),
    averageRate: averageRate(step + 1, config.ema),
  };
}

type Arrays = Readonly<Record<string, HostData>>;

/** Gradients that a step would descend, by path; `state` is left as it is. */
async function gradientsOf(
  device: Device,
  config: Config,
  state: HeldState,
  batch: HostBatch,
  kind: StepKind,
): Promise<Arrays> {
  const copy = holdState(device, await readState(device, state));
  const { loss, trained } = stepLoss(config, copy, batchInputs(config, kind), kind);
  const outputs = Object.fromEntries(leaves<Tensor>(grad(loss, trained)));
  const plan = await compile(device, { outputs });
  plan.run(inputsFor(plan, batch));
  const gradients = await plan.read();
  plan.destroy();
  release(device, copy);
  return gradients;
}

interface Found {
  readonly losses: number[];
  /** Pool rows and caption ids of the matching steps, one after the other. */
  readonly matched: number[];
  readonly captions: number[];
  /** Gradients of the first step of each kind. */
  readonly plain: Arrays;
  readonly matching: Arrays;
  readonly state: ReadonlyMap<string, HostArray>;
}

async function trainTen(device: Device, name: string): Promise<Found> {
  const config = configOf(name);
  const state: HeldState = holdState(device, initialState(config));
  const captions = hold(device, { tokens: stored("data.tokens"), ends: stored("data.ends") });
  const plans = await Promise.all(
    KINDS.map((kind) => {
      const step = trainingStep(config, state, batchInputs(config, kind, captions), kind);
      const { loss, matched = loss, state: updates } = step;
      return compile(device, { outputs: { loss, matched }, updates });
    }),
  );
  const found = { losses: [] as number[], matched: [] as number[], captions: [] as number[] };
  const gradients: Partial<Record<StepKind, Arrays>> = {};
  for (const [step, letter] of [...settings[name]!.order].entries()) {
    const matching = letter === "M";
    const kind = KINDS[Number(matching)]!;
    const waited = matchingTrainsText(config) ? 0 : found.matched.length / config.batch;
    const batch = hostBatch(config, step, step - waited);
    if (WHOLE.includes(name))
      gradients[kind] ??= await gradientsOf(device, config, state, batch, kind);
    const plan = plans[Number(matching)]!;
    plan.run(inputsFor(plan, batch));
    const { loss, matched } = await plan.read();
    found.losses.push(loss![0]!);
    if (!matching) continue;
    const { data } = await readState(device, state.matches);
    found.matched.push(...matched!);
    found.captions.push(...Array.from(batch.pairs, (row) => data[row]!));
  }
  const after = new Map(leaves<HostArray>(await readState(device, state)));
  for (const plan of plans) plan.destroy();
  release(device, { state, captions });
  return { ...found, plain: gradients.plain!, matching: gradients.matching!, state: after };
}

/** Every tensor under a golden prefix is near what was found for its name. */
function expectNear(prefix: string, limit: number, find: (name: string) => HostData | undefined) {
  const names = under(prefix);
  expect(names.length, `${prefix} in ${file}`).toBeGreaterThan(0);
  for (const name of names) {
    const { error, text } = worstError(
      find(name) ?? new Float32Array(0),
      wide(`${prefix}.${name}`),
    );
    expect(error, `${prefix}.${name}${text}`).toBeLessThanOrEqual(limit);
  }
}

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

it("names parameters as PyTorch's side does", () => {
  const ours = leaves<HostArray>(initialState(configOf("ours")).params);
  expect(ours.map(([path]) => path).sort()).toEqual(under("initial").sort());
  for (const [path, { shape }] of leaves<HostArray>(
    initState(configOf("ours"), stored("initial.text.tokens").shape[0]!, 1).params,
  ))
    expect(stored(`initial.${path}`).shape, path).toEqual(shape);
});

for (const name of Object.keys(settings).filter((name) => !WHOLE.includes(name)))
  describe(`steps with "${name}" settings (${settings[name]!.order})`, () => {
    let found: Found;
    beforeAll(async () => {
      found = await trainTen(device, name);
    }, COMPILE_MS);

    it("have PyTorch's losses and matches", () => {
      const { error, text } = worstError(Float32Array.from(found.losses), wide(`${name}.losses`));
      expect(error, text).toBeLessThanOrEqual(LIMITS.loss);
      expect(found.matched).toEqual(Array.from(stored(`${name}.matched`).data));
      expect(found.captions).toEqual(Array.from(stored(`${name}.captions`).data));
    });

    it("end with PyTorch's weights, averages and images in the pool", () => {
      for (const path of under(`${name}.state`)) {
        const weights = /(average\.)?params\.(.*)/.exec(path)?.[2];
        const limit = weights ? LIMITS.parameter : LIMITS.pool;
        const start = weights ? stored(`initial.${weights}`).data : new Float32Array(1e4);
        const change = (end: HostData) => Float64Array.from(end, (x, i) => x - start[i]!);
        const actual = Float32Array.from(change(found.state.get(path)!.data));
        const { error, text } = worstError(actual, change(stored(`${name}.state.${path}`).data));
        expect(error, `${path}${text}`).toBeLessThanOrEqual(limit);
      }
    });
  });

for (const name of WHOLE)
  describe(`ten steps with "${name}" settings (${settings[name]!.order})`, () => {
    let found: Found;
    beforeAll(async () => {
      found = await trainTen(device, name);
    }, COMPILE_MS);

    it("have PyTorch's losses", () => {
      const losses = stored(`${name}.losses`).data;
      for (let step = 0; step < STEPS; step++) {
        const error = Math.abs(found.losses[step]! / losses[step]! - 1);
        const text = `step ${step}: ${found.losses[step]} instead of ${losses[step]}`;
        expect(error, text).toBeLessThanOrEqual(LIMITS.loss);
      }
    });

    it("match each image with the same pool row and caption", () => {
      expect(found.matched).toEqual(Array.from(stored(`${name}.matched`).data));
      expect(found.captions).toEqual(Array.from(stored(`${name}.captions`).data));
      expect(found.state.get("matches")!.data).toEqual(stored(`${name}.state.matches`).data);
    });

    it("have PyTorch's gradients at the first plain step", () => {
      expect(Object.keys(found.plain).sort()).toEqual(under("gradients.plain").sort());
      expectNear("gradients.plain", LIMITS.gradient, (path) => found.plain[path]);
    });

    it("have PyTorch's gradients at the first matching step, none for the text tower", () => {
      const prefix = `${name}.gradients.matching`;
      expect(Object.keys(found.matching).sort()).toEqual(under(prefix).sort());
      expect(under(prefix).filter((path) => path.startsWith("text"))).toEqual([]);
      expectNear(prefix, LIMITS.gradient, (path) => found.matching[path]);
    });

    it("end with PyTorch's parameters, to a share of how far they moved", () => {
      for (const path of under("initial")) {
        const start = stored(`initial.${path}`).data;
        const change = (end: HostData) => Float64Array.from(end, (x, i) => x - start[i]!);
        const end = found.state.get(`params.${path}`)!.data;
        const expected = change(stored(`${name}.state.params.${path}`).data);
        const { error, text } = worstError(Float32Array.from(change(end)), expected);
        expect(error, `${path}${text}`).toBeLessThanOrEqual(LIMITS.parameter);
      }
    });

    it("end with PyTorch's moments, batch norm statistics and pool", () => {
      const find = (prefix: string) => (path: string) => found.state.get(`${prefix}.${path}`)?.data;
      expectNear(`${name}.state.moments`, LIMITS.moment, find("moments"));
      expectNear(`${name}.state.statistics`, LIMITS.statistic, find("statistics"));
      const { rows, ids, cursor } = Object.fromEntries(
        ["rows", "ids", "cursor"].map((leaf) => [leaf, find("pool")(leaf)]),
      );
      const { error, text } = worstError(rows!, wide(`${name}.state.pool.rows`));
      expect(error, `pool.rows${text}`).toBeLessThanOrEqual(LIMITS.pool);
      expect(ids).toEqual(stored(`${name}.state.pool.ids`).data);
      expect(cursor).toEqual(stored(`${name}.state.pool.cursor`).data);
    });
  });
