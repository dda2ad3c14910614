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
  type Plan,
  readState,
  release,
  stream,
  type Tensor,
  unitRows,
} from "../../engine/index.ts";
import { adamWSchedule } from "../../engine/optim.ts";
import { identityDraws } from "../../roclip/augment.ts";
import { type HostBatch, imageWords, packCaptions } from "../../roclip/batches.ts";
import { type Config, parseConfig } from "../../roclip/config.ts";
import { type HeldState, initState, MAX_LOGIT_SCALE, NO_MATCH } from "../../roclip/model.ts";
import { batchInputs, inputsFor } from "../../roclip/session.ts";
import { fillPool, trainingStep } from "../../roclip/step.ts";
import { textFeatures } from "../../roclip/text.ts";
import { learnTokenizer } from "../../roclip/tokenize.ts";
import { imageFeatures, imageFeaturesEval } from "../../roclip/vision.ts";
import { worstError } from "../check.ts";

const VOCABULARY = 40;
const END = VOCABULARY - 1;
const PAIRS = 30;
const SEED = 7;
const KEYS = { pixels: 1, images: 2, tokens: 3, pairs: 4 };

const configOf = (changes: object = {}): Config =>
  parseConfig({
    batch: 6,
    imageSize: 12,
    contextLength: 7,
    image: { width: 4, blocks: [1, 1] },
    text: { width: 8, layers: 2, heads: 2 },
    embedding: 10,
    roclip: { poolSize: 16 },
    ...changes,
  });
const config = configOf();
const { batch: B, contextLength: T, imageSize: S, embedding: E } = config;

/** A batch of noise and random captions, by step. */
function hostBatch(step: number): HostBatch {
  const draw = (key: number) => stream(fold(fold(keyOf(SEED), key), step));
  const words = draw(KEYS.images);
  const letters = draw(KEYS.tokens);
  const lengths = Array.from({ length: B }, (_, i) => 2 + ((i + step) % (T - 2)));
  const tokens = lengths.flatMap((end) =>
    Array.from({ length: T }, (_, at) => (at < end ? letters.below(END) : at === end ? END : 0)),
  );
  return {
    images: Uint32Array.from({ length: B * imageWords(S) }, () => words.below(2 ** 32)),
    draws: identityDraws(B, S),
    tokens: Uint32Array.from(tokens),
    ends: Uint32Array.from(lengths, (end, i) => i * T + end),
    pairs: draw(KEYS.pairs).permutation(PAIRS).slice(0, B),
    schedule: adamWSchedule(step + 1, 0.01, config),
    textSchedule: adamWSchedule(step + 1, 0.01, config),
  };
}

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

/** The state after some steps ("P" plain, "M" matching) from the seed's, by path. */
async function stateAfter(
  steps: string,
  changes: object = {},
  start: Record<string, HostArray> = {},
) {
  const chosen = configOf(changes);
  const host = initState(chosen, VOCABULARY, PAIRS);
  const state: HeldState = hold(
    device,
    mapTree(host, (leaf: HostArray, path) => start[path] ?? leaf),
  );
  const plans = new Map<string, Plan>();
  for (const letter of new Set(steps)) {
    const result = trainingStep(chosen, state, batchInputs(chosen), letter === "M");
    plans.set(letter, await compile(device, { outputs: {}, updates: result.state }));
  }
  for (const [step, letter] of [...steps].entries()) {
    const plan = plans.get(letter)!;
    plan.run(inputsFor(plan, hostBatch(step)));
  }
  const found = new Map(leaves<HostArray>(await readState(device, state)));
  for (const plan of plans.values()) plan.destroy();
  release(device, state);
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
    const inputs = batchInputs(config);
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

describe("a step", () => {
  const pick = (state: Map<string, HostArray>, pattern: RegExp) =>
    [...state].filter(([path]) => pattern.test(path));

  it("has the same bits every time", async () => {
    expect(await stateAfter("PMP")).toEqual(await stateAfter("PMP"));
  });

  it("that matches leaves the text tower and its moments, and nothing else, as is", async () => {
    const before = await stateAfter("PP");
    const matched = await stateAfter("PPM");
    const text = /^(params|moments\.\w+)\.text\./;
    expect(pick(matched, text).length).toBeGreaterThan(0);
    expect(pick(matched, text)).toEqual(pick(before, text));
    for (const [path, leaf] of matched)
      if (!text.test(path)) expect(leaf, path).not.toEqual(before.get(path));
  });

  it("that is plain feeds the pool of RoCLIP, and of nobody else", async () => {
    const start = await stateAfter("");
    const pool = /^pool\./;
    const matching = { poolSize: 16, poolUpdate: "matching" };
    for (const changes of [{ defence: "clip" }, { roclip: matching }])
      expect(pick(await stateAfter("P", changes), pool)).toEqual(pick(start, pool));
    const fed = await stateAfter("PP");
    expect(fed.get("pool.cursor")!.data).toEqual(Uint32Array.of(12, 12));
    const ids = [...hostBatch(0).pairs, ...hostBatch(1).pairs, ...Array(4).fill(NO_MATCH)];
    expect([...fed.get("pool.ids")!.data]).toEqual(ids);
    expect(fed.get("matches")).toEqual(start.get("matches"));
  });

  it("that matches records the captions by pair", async () => {
    const matches = (await stateAfter("PM")).get("matches")!.data;
    const { pairs } = hostBatch(1);
    const fed = new Set(hostBatch(0).pairs); // all that the pool held at the query
    matches.forEach((id, pair) => {
      expect(pairs.includes(pair) ? fed.has(id) : id === NO_MATCH, `pair ${pair}`).toBe(true);
    });
  });

  it("keeps the logit scale within its bounds", async () => {
    for (const [value, bound] of [
      [9, Math.fround(MAX_LOGIT_SCALE)],
      [-1, 0],
    ] as const)
      for (const steps of ["P", "M"]) {
        const noise = { roclip: { poolSize: 16, poolStart: "noise" } };
        const start = { "params.logitScale": { shape: [], data: Float32Array.of(value) } };
        expect((await stateAfter(steps, noise, start)).get("params.logitScale")!.data[0]).toBe(
          bound,
        );
      }
  });

  it("fills the pool with unit text vectors and their captions' ids", async () => {
    const state: HeldState = hold(device, initState(config, VOCABULARY, PAIRS));
    const inputs = batchInputs(config);
    const { tokens, ends, pairs } = hostBatch(0);
    const features = textFeatures(state.params.text, config, inputs.tokens, inputs.ends);
    const plan = await compile(device, {
      outputs: { expected: unitRows(features) },
      updates: fillPool(config, state, inputs),
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
