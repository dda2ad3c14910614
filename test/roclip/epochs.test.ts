/** Twenty steps by the presets on CLIP's models against PyTorch; test/golden/epochs.py says how. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  compile,
  type Device,
  type HostArray,
  leaves,
  openDevice,
  product,
  readState,
  release,
} from "../../engine/index.ts";
import { createBatches, packCaptions, packImages } from "../../roclip/batches.ts";
import { type Config, parseConfig } from "../../roclip/config.ts";
import type { Dataset } from "../../roclip/data/dataset.ts";
import { presetOf } from "../../roclip/explain.ts";
import { batchInputs, inputsFor } from "../../roclip/inputs.ts";
import { type HeldState, holdState, initState, type State } from "../../roclip/model.ts";
import { foreignTensors, fromForeign } from "../../roclip/openClip.ts";
import { decodeSafetensors, encodeSafetensors } from "../../roclip/safetensors.ts";
import { isMatchingEpoch } from "../../roclip/schedule.ts";
import { trainingStep } from "../../roclip/step.ts";
import type { Tokenizer } from "../../roclip/tokenize.ts";
import { decodeWeights } from "../../roclip/weights.ts";
import { worstError } from "../check.ts";

const LONG_MS = 240_000; // for compiling and running both plans on a software adapter
/** The largest errors allowed: of a loss, of a parameter as a share of how far it moved. */
const LIMITS = { loss: 1e-4, parameter: 1e-3 } as const;

function read(name: string) {
  const file = `../golden/${name}.safetensors`;
  const bytes = readFileSync(new URL(file, import.meta.url));
  return decodeSafetensors(bytes, file, ["f32", "f16", "u32", "i64"]);
}
const golden = read("epochs");
const toy = JSON.parse(golden.metadata.toy!);

function words(name: string): Uint32Array {
  const tensor = golden.tensors[name];
  if (tensor?.dtype !== "u32") throw new Error(`${name} is missing; run epochs.py beside it`);
  return tensor.data;
}

function numbers(name: string): Float32Array {
  const tensor = golden.tensors[name];
  if (tensor?.dtype !== "f32") throw new Error(`${name} is missing; run epochs.py beside it`);
  return tensor.data;
}

const [PAIRS, LENGTH] = golden.tensors.tokens!.shape as [number, number];

function configOf(model: string, preset: string): Config {
  const { poolSize, ...sizes } = toy;
  const { config } = presetOf(preset) as { config: { roclip: object; eda?: object } };
  return parseConfig({
    ...config,
    ...sizes,
    model: JSON.parse(golden.metadata.models!)[model],
    roclip: { ...config.roclip, poolSize },
    augment: { enabled: false },
    eda: { enabled: false },
  });
}

/** The pairs: images by the arithmetic of epochs.py; a caption is the number of its tokens' row. */
function datasetOf(size: number): Dataset {
  const images = new Uint8Array(PAIRS * size * size * 3);
  for (const at of images.keys()) {
    const [c, x, y] = [at % 3, Math.floor(at / 3) % size, Math.floor(at / 3 / size) % size];
    const p = Math.floor(at / 3 / size / size);
    const ramp = ((p % 5) + 1) * x * (c + 1) + (p % 7) * y * (3 - c);
    images[at] = 97 * p * (c + 1) + ramp + ((x * y * (p + 3)) % 61);
  }
  const captions = Array.from({ length: PAIRS }, (_, row) => String(row));
  return { name: "golden", size, images, captions, labels: captions.map(() => ""), ids: captions };
}

const END = words("tokens").reduce((a, b) => Math.max(a, b));
const tokenizer = {
  encodeBatch(captions) {
    const rows = captions.map((row) =>
      words("tokens").slice(Number(row) * LENGTH, (Number(row) + 1) * LENGTH),
    );
    const ids = Uint32Array.from(rows.flatMap((row) => [...row]));
    return { ids, ends: Uint32Array.from(rows, (row) => row.indexOf(END)) };
  },
} as Tokenizer;

const POSITIONS = "attnpool.positional_embedding";

/** Of the pool's positions those that the images of epochs.py have. */
function first<T extends ReturnType<typeof read>["tensors"][string]>(tensor: T): T {
  const shape = [2, tensor.shape[1]!]; // the mean and one place
  return { ...tensor, shape, data: tensor.data.slice(0, product(shape)) };
}

/** The state that both sides begin with. */
function initialState(config: Config, model: string): State<HostArray> {
  const host = initState(config, 1, PAIRS);
  const stored = Object.entries(read(model).tensors)
    .filter(([name]) => name.startsWith("weights."))
    .map(([name, tensor]) => [name.replace("weights.", ""), tensor] as const)
    .map(([name, tensor]) => [name, name.endsWith(POSITIONS) ? first(tensor) : tensor] as const);
  const file = encodeSafetensors({ tensors: Object.fromEntries(stored), metadata: {} });
  const weights = decodeWeights(file, config.model, host, model);
  const noise = config.roclip.poolStart === "noise";
  const rows = noise ? { ...host.pool.rows, data: numbers("noise") } : host.pool.rows;
  return { ...host, ...weights, pool: { ...host.pool, rows } };
}

/** Losses, pool rows and captions matched, and weights after the golden run's steps. */
async function trainAll(device: Device, config: Config, start: State<HostArray>) {
  const state: HeldState = holdState(device, start);
  const plans = await Promise.all(
    (["plain", "matching"] as const).map((kind) => {
      const step = trainingStep(config, state, batchInputs(config, kind), kind);
      const { loss, matched = loss, state: updates } = step;
      return compile(device, { outputs: { loss, matched }, updates });
    }),
  );
  const data = datasetOf(config.imageSize);
  const batchAt = createBatches(config, data, tokenizer);
  const steps = PAIRS / config.batch;
  const losses: number[] = [];
  const rows: number[] = [];
  const captions: number[] = [];
  for (let step = 0; step < config.epochs * steps; step++) {
    const epoch = Math.floor(step / steps) + 1;
    const pairs = words("pairs").slice(step * config.batch, (step + 1) * config.batch);
    const texts = Array.from(pairs, (row) => data.captions[row]!);
    const plan = plans[Number(isMatchingEpoch(config, epoch))]!;
    const batch = {
      ...batchAt(epoch, step % steps), // the schedules; PyTorch drew the pairs
      images: packImages(data, pairs),
      ...packCaptions(tokenizer, texts, LENGTH),
      pairs,
    };
    plan.run(inputsFor(plan, batch));
    const { loss, matched } = await plan.read();
    losses.push(loss![0]!);
    if (!isMatchingEpoch(config, epoch)) continue;
    const { data: matches } = await readState(device, state.matches);
    rows.push(...matched!);
    captions.push(...Array.from(pairs, (row) => matches[row]!));
  }
  const { params } = await readState(device, { params: state.params });
  for (const plan of plans) plan.destroy();
  release(device, state);
  return { losses, rows, captions, params: new Map(leaves<HostArray>(params)) };
}

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

for (const model of ["resnet", "vit"])
  describe.each(["paper", "authors-code"])(`a tiny ${model} by the preset %s`, (preset) => {
    const run = `${model}.${preset}`;
    const config = configOf(model, preset);
    const start = initialState(config, model);
    let found: Awaited<ReturnType<typeof trainAll>>;
    beforeAll(async () => {
      found = await trainAll(device, config, start);
    }, LONG_MS);

    it("has PyTorch's loss at each of twenty steps", () => {
      const expected = numbers(`${run}.losses`);
      expect(found.losses).toHaveLength(20);
      for (const [step, loss] of found.losses.entries())
        expect(Math.abs(loss / expected[step]! - 1), `step ${step}`).toBeLessThan(LIMITS.loss);
    });

    it("matches every image with the same pool row and caption in both matching epochs", () => {
      expect(found.rows).toEqual([...words(`${run}.rows`)]);
      expect(found.captions).toEqual([...words(`${run}.captions`)]);
    });

    it("ends with PyTorch's parameters, to a share of how far they moved", () => {
      const names = foreignTensors(start);
      for (const [path, { shape, data }] of leaves<HostArray>(start.params)) {
        const { name, layout } = names.get(`params.${path}`)!;
        const theirs = fromForeign(numbers(`${run}.weights.${name}`), shape, layout);
        const moved = Float64Array.from(theirs, (end, i) => end - data[i]!);
        const actual = found.params.get(path)!.data.map((end, i) => end - data[i]!);
        if (name === "visual.attnpool.k_proj.bias") {
          // Softmax does not see it: what moves it is rounding.
          expect(Math.max(...Array.from(actual, Math.abs))).toBeLessThan(1e-6);
          continue;
        }
        const { error, text } = worstError(actual, moved);
        expect(error, `${name}${text}`).toBeLessThanOrEqual(LIMITS.parameter);
      }
    });
  });
