/** Properties of the towers, the state and the step that hold for any values. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  compile,
  type Device,
  fold,
  type HostArray,
  type HostData,
  hold,
  input,
  keyOf,
  leaves,
  mapTree,
  openDevice,
  overwrite,
  readState,
  release,
  stream,
  type Tensor,
} from "../../engine/index.ts";
import { packCaptions } from "../../roclip/batches.ts";
import { batchInputs } from "../../roclip/inputs.ts";
import { initState } from "../../roclip/model.ts";
import { textFeatures } from "../../roclip/text.ts";
import { learnTokenizer } from "../../roclip/tokenize.ts";
import { imageFeatures, imageFeaturesEval } from "../../roclip/vision.ts";
import { worstError } from "../check.ts";
import { config, configOf, hostBatch, KEYS, PAIRS, SEED, VOCABULARY } from "./states.ts";

const { batch: B, contextLength: T, imageSize: S, embedding: E } = config;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** Outputs of a program, run once. */
async function once(outputs: Record<string, Tensor>, inputs: Record<string, HostData>) {
  const plan = await compile(device, { outputs });
  plan.run(inputs);
  const found = await plan.read();
  plan.destroy();
  return found;
}

describe("the image tower", () => {
  it("gives one vector per image for any widths, blocks and sides", () => {
    for (const blocks of [[1], [2, 1], [1, 1, 2]])
      for (const side of [8, 13, 32]) {
        const image = { width: 5, blocks };
        const { params, statistics } = initState(configOf({ image }), VOCABULARY, PAIRS);
        const asTensors = <Tree>(tree: Tree) =>
          mapTree(tree, ({ shape }: HostArray, path) => input(path, shape));
        const images = input("images", [3, side, side, 3]);
        const [held, running] = [asTensors(params.image), asTensors(statistics)];
        const { features } = imageFeatures(held, running, images, config);
        expect(features.shape, `${blocks} at ${side}`).toEqual([3, E]);
      }
  });

  it("is the same in evaluation when the running statistics are the batch's", async () => {
    const draws = stream(fold(keyOf(SEED), KEYS.pixels));
    const pixels = Float32Array.from({ length: B * S * S * 3 }, () => draws.normal());
    const images = input("images", [B, S, S, 3]);
    const held = hold(device, initState(config, VOCABULARY, PAIRS));
    const training = imageFeatures(held.params.image, held.statistics, images, config);
    const plan = await compile(device, {
      outputs: { features: training.features },
      updates: training.statistics,
    });
    plan.run({ images: pixels });
    const { features } = await plan.read();

    // One update took a tenth of the batch's statistics, the variance unbiased: take it back.
    const sides = [S / 2, S / 2, S / 2, S / 4, S / 4, S / 4]; // stem; block 1; block 2
    const start = initState(config, VOCABULARY, PAIRS).statistics;
    for (const [i, updated] of (await readState(device, held.statistics)).entries()) {
      const count = B * sides[i]! ** 2;
      const own = (name: "mean" | "variance", factor: number) =>
        Float32Array.from(updated[name].data, (x, c) => {
          return ((x - 0.9 * start[i]![name].data[c]!) / 0.1) * factor;
        });
      overwrite(device, held.statistics[i]!.mean, own("mean", 1));
      overwrite(device, held.statistics[i]!.variance, own("variance", (count - 1) / count));
    }
    const y = imageFeaturesEval(held.params.image, held.statistics, images, config);
    const evaluated = await once({ y }, { images: pixels });
    const { error, text } = worstError(evaluated.y!, Float64Array.from(features!));
    expect(error, text).toBeLessThan(1e-4); // the statistics above are good to 1e-6 of their scale
    plan.destroy();
    release(device, held);
  });
});

describe("the text tower", () => {
  it("sees nothing after the end of text, and every token up to it", async () => {
    const params = hold(device, initState(config, VOCABULARY, PAIRS).params.text);
    const [inputs] = batchInputs(config, "plain").parts;
    const y = textFeatures(params, config, inputs.tokens, inputs.ends);
    expect(y.shape).toEqual([B, E]);
    const plan = await compile(device, { outputs: { y } });
    const { tokens, ends } = hostBatch(0);
    const features = async (changed: Uint32Array) => {
      plan.run({ tokens: changed, ends });
      const found = (await plan.read()).y!;
      return Array.from({ length: B }, (_, row) => found.slice(row * E, (row + 1) * E));
    };
    const before = await features(tokens);
    const padded = tokens.slice();
    ends.forEach((end, row) => {
      padded.fill(5, end + 1, (row + 1) * T);
    });
    expect(await features(padded)).toEqual(before);
    for (const [row, end] of ends.entries())
      for (let at = row * T; at <= end; at++) {
        const found = await features(tokens.with(at, (tokens[at]! + 1) % VOCABULARY));
        const changed = found.map((y, i) => y.some((v, e) => v !== before[i]![e]));
        expect(changed, `token ${at}`).toEqual(before.map((_, i) => i === row));
      }
    plan.destroy();
    release(device, params);
  });

  it("pools a caption that was cut at its last place, where the end of text is kept", async () => {
    const captions = ["red", "a long caption that does not fit", "", "blue sky", "x", "y"];
    const tokenizer = learnTokenizer(captions, { vocabularySize: 514, contextLength: T });
    const { tokens, ends } = packCaptions(tokenizer, captions, T);
    const [start, end] = tokenizer.encode("") as [number, number];
    expect([tokens[T], ends[1], tokens[2 * T - 1]]).toEqual([start, 2 * T - 1, end]);
    expect([ends[2], tokens[2 * T + 1]]).toEqual([2 * T + 1, end]);
    expect(Array.from(ends, (place) => tokens[place])).toEqual(captions.map(() => end));
  });
});

describe("the state", () => {
  it("has a unique path for every leaf", () => {
    const paths = leaves(initState(config, VOCABULARY, PAIRS)).map(([path]) => path);
    expect(paths).toEqual([...new Set(paths)]);
  });

  it("is a function of the seed", () => {
    const data = (seed: number) => leaves(initState(configOf({ seed }), VOCABULARY, PAIRS));
    expect(data(3)).toEqual(data(3));
    const different = data(3).filter(([, leaf], i) => {
      return JSON.stringify(leaf) !== JSON.stringify(data(4)[i]![1]);
    });
    const drawn = leaves<HostArray>(initState(config, VOCABULARY, PAIRS))
      .filter(([path, { shape }]) => path.startsWith("params.") && shape.length > 1)
      .map(([path]) => path);
    expect(different.map(([path]) => path)).toEqual(drawn);
  });
});
