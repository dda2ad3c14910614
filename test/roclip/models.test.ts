/** CLIP's ResNet and vision transformer against PyTorch; test/golden/models.py says how. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  compile,
  contrastiveLoss,
  type Device,
  grad,
  type HostArray,
  type HostData,
  hold,
  input,
  leaves,
  openDevice,
  readState,
  release,
  type Tensor,
  unitRows,
} from "../../engine/index.ts";
import { type Config, parseConfig } from "../../roclip/config.ts";
import type { Weights } from "../../roclip/model.ts";
import { initState } from "../../roclip/model.ts";
import { foreignTensors, fromForeign } from "../../roclip/openClip.ts";
import { decodeSafetensors, encodeSafetensors } from "../../roclip/safetensors.ts";
import { textFeatures } from "../../roclip/text.ts";
import { imageFeatures, imageFeaturesEval } from "../../roclip/vision.ts";
import { decodeWeights } from "../../roclip/weights.ts";
import { worstError } from "../check.ts";

const COMPILE_MS = 120_000;
const DTYPES = ["f32", "f16", "u32", "i64"] as const;
/** The largest errors allowed, relative to a tensor's largest entry: float32's rounding. */
const LIMITS = { features: 1e-5, loss: 1e-5, gradient: 1e-4, statistics: 1e-5 } as const;

function read(name: string) {
  const file = `../golden/${name}.safetensors`;
  return decodeSafetensors(readFileSync(new URL(file, import.meta.url)), file, DTYPES);
}
type Golden = ReturnType<typeof read>;

/** Tensors under a prefix, without it. */
const under = ({ tensors }: Golden, prefix: string) =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(`${prefix}.`))
      .map(([name, tensor]) => [name.slice(prefix.length + 1), tensor]),
  );

function numbers({ tensors }: Golden, name: string): Float64Array {
  const tensor = tensors[name];
  if (tensor?.dtype !== "f32") throw new Error(`${name} is missing; run models.py beside it`);
  return Float64Array.from(tensor.data);
}

function words({ tensors }: Golden, name: string): Uint32Array {
  const tensor = tensors[name];
  if (tensor?.dtype !== "u32") throw new Error(`${name} is missing; run models.py beside it`);
  return tensor.data;
}

/** The bytes of images as models.py scales them. */
const pixelsOf = (golden: Golden) =>
  Float32Array.from(new Uint8Array(words(golden, "images").slice().buffer), (x) => x / 127.5 - 1);

function load(golden: Golden): { config: Config; weights: Weights<HostArray> } {
  const config = parseConfig({ model: JSON.parse(golden.metadata.model!) });
  const bytes = encodeSafetensors({ tensors: under(golden, "weights"), metadata: {} });
  const weights = decodeWeights(bytes, config.model, initState(config, 1, 1), "golden");
  return { config, weights };
}

/** What a step on the golden batch makes, and features in evaluation. */
async function compute(device: Device, golden: Golden) {
  const { config, weights } = load(golden);
  const tokens = words(golden, "tokens");
  const [batch, length] = golden.tensors.tokens!.shape as [number, number];
  const size = config.imageSize;
  const state: Weights<Tensor> = hold(device, weights);
  const images = input("images", [batch, size, size, 3]);
  const ids = input("tokens", [batch, length], "u32");
  const ends = input("ends", [batch], "u32");
  const highest = Math.max(...tokens);
  const inputs: Record<string, HostData> = {
    images: pixelsOf(golden),
    tokens,
    ends: Uint32Array.from([...tokens.keys()].filter((at) => tokens[at] === highest)),
  };
  const run = async (outputs: Record<string, Tensor>, updates: unknown = {}) => {
    const plan = await compile(device, { outputs, updates });
    plan.run(Object.fromEntries(plan.inputs.map((name) => [name, inputs[name]!])));
    const found = await plan.read();
    plan.destroy();
    return found;
  };
  const { params, statistics } = state;
  const evaluated = imageFeaturesEval(params.image, statistics, images, config);
  const { evaluation } = await run({ evaluation: evaluated });
  const image = imageFeatures(params.image, statistics, images, config);
  const text = textFeatures(params.text, config, ids, ends);
  const loss = contrastiveLoss(unitRows(image.features), unitRows(text), params.logitScale);
  const gradients = Object.fromEntries(leaves<Tensor>(grad(loss, params)));
  const found = await run(
    { ...gradients, "out.image": image.features, "out.text": text, "out.loss": loss },
    image.statistics,
  );
  const after = new Map(leaves<HostArray>(await readState(device, { statistics })));
  release(device, state);
  return { weights, evaluation, found, after, ends: inputs.ends! };
}

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

for (const name of ["resnet", "vit"])
  describe(`the tiny ${name} of PyTorch`, () => {
    const golden = read(name);
    let made: Awaited<ReturnType<typeof compute>>;
    beforeAll(async () => {
      made = await compute(device, golden);
    }, COMPILE_MS);

    const expectNear = (what: string, found: HostData | undefined, limit: number) => {
      const { error, text } = worstError(found ?? new Float32Array(0), numbers(golden, what));
      expect(error, `${what}${text}`).toBeLessThanOrEqual(limit);
    };
    /** Golden numbers of a tensor of ours, in our layout. */
    const ours = (path: string, prefix: string, shape: readonly number[]) => {
      const { name, layout } = foreignTensors(made.weights).get(path)!;
      const theirs = Float32Array.from(numbers(golden, `${prefix}.${name}`));
      return { name, expected: Float64Array.from(fromForeign(theirs, shape, layout)) };
    };

    it("has its features and its loss, with a caption that fills the context", () => {
      const { tensors } = golden;
      const length = tensors.tokens!.shape[1]!;
      expect([...made.ends].some((end) => end % length === length - 1)).toBe(true);
      expectNear("image.evaluation", made.evaluation, LIMITS.features);
      expectNear("image.training", made.found["out.image"], LIMITS.features);
      expectNear("text", made.found["out.text"], LIMITS.features);
      expectNear("loss", made.found["out.loss"], LIMITS.loss);
    });

    it("has the gradient of every parameter", () => {
      const params = leaves<HostArray>(made.weights.params);
      expect(params.length).toBe(Object.keys(under(golden, "gradients")).length);
      for (const [path, { shape }] of params) {
        const { name, expected } = ours(`params.${path}`, "gradients", shape);
        const found = made.found[path]!;
        if (name === "visual.attnpool.k_proj.bias") {
          // Softmax does not see it: the gradient is 0, of which rounding leaves a little.
          const largest = (x: ArrayLike<number>) => Math.max(...Array.from(x, Math.abs));
          const values = numbers(golden, "gradients.visual.attnpool.v_proj.bias");
          expect(largest(found)).toBeLessThan(1e-6 * largest(values));
          continue;
        }
        const { error, text } = worstError(found, expected);
        expect(error, `${name}${text}`).toBeLessThanOrEqual(LIMITS.gradient);
      }
    });

    it("has the batch norms' running statistics after the step, the variance unbiased", () => {
      const expected = Object.keys(under(golden, "statistics")).length;
      expect(made.after.size).toBe(expected);
      for (const [path, { shape, data }] of made.after) {
        const { name, expected } = ours(path, "statistics", shape);
        const { error, text } = worstError(data, expected);
        expect(error, `${name}${text}`).toBeLessThanOrEqual(LIMITS.statistics);
      }
    });
  });
