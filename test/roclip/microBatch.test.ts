/**
 * Micro-batches against the whole batch at once, activations computed again against those kept:
 * gradients, pools, memory.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  augment,
  compile,
  concatRows,
  contrastiveLoss,
  type Device,
  grad,
  type HostArray,
  type HostData,
  hold,
  leaves,
  openDevice,
  readState,
  release,
  type Tensor,
  unitRows,
} from "../../engine/index.ts";
import { type Config, parseConfig } from "../../roclip/config.ts";
import { microBatchNote } from "../../roclip/embed.ts";
import { batchInputs, inputsFor } from "../../roclip/inputs.ts";
import { type HeldState, holdState, initState } from "../../roclip/model.ts";
import { noiseBatch } from "../../roclip/noise.ts";
import { fillPools } from "../../roclip/pool.ts";
import type { StepKind } from "../../roclip/schedule.ts";
import { stepLoss } from "../../roclip/step.ts";
import { textFeatures } from "../../roclip/text.ts";
import { imageFeatures } from "../../roclip/vision.ts";
import { worstError } from "../check.ts";

const PAIRS = 29;
const BATCH = 12;
const VOCABULARY = 514;
const AMP = { precision: "amp" };
const COMPILE_MS = 240_000; // two plans of every kernel, on a software adapter

const text_cfg = { context_length: 7, vocab_size: VOCABULARY, width: 8, heads: 2, layers: 1 };
const VIT = { layers: 2, width: 16, head_width: 8, patch_size: 8, image_size: 16 };
const transformer = (changes: object): Config =>
  parseConfig({
    batch: BATCH,
    model: { embed_dim: 10, vision_cfg: VIT, text_cfg },
    ...changes,
    roclip: { poolSize: 17, ...(changes as { roclip?: object }).roclip },
  });
const residual = (changes: object): Config =>
  parseConfig({
    batch: BATCH,
    imageSize: 12,
    contextLength: 7,
    vocabularySize: VOCABULARY,
    image: { width: 4, blocks: [1, 1] },
    text: { width: 8, layers: 1, heads: 2 },
    embedding: 10,
    roclip: { poolSize: 17 },
    ...changes,
  });

/** Captions to encode anew: of all lengths, random tokens. */
const CAPTIONS = {
  tokens: {
    shape: [PAIRS, 7],
    data: Uint32Array.from({ length: PAIRS * 7 }, (_, i) => (i * 37) % VOCABULARY),
  },
  ends: { shape: [PAIRS], data: Uint32Array.from({ length: PAIRS }, (_, i) => 2 + (i % 5)) },
};

/** A batch in which no row has another's caption length, so that mixed-up ends show. */
function hostBatch(config: Config) {
  const batch = noiseBatch(config, "plain", PAIRS);
  return {
    ...batch,
    images: batch.images.map((word, i) => (word * (i + 1)) >>> 0),
    ends: batch.ends.map((end, i) => end - (i % 6)),
  };
}

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

interface Found {
  readonly gradients: Readonly<Record<string, HostData>>;
  /** All of the state but parameters and moments. */
  readonly state: ReadonlyMap<string, HostArray>;
  readonly peakBytes: number;
}

/** Run a loss once, its gradients as outputs, on pools filled with another batch. */
async function gradientsOf(
  config: Config,
  lossOf: (state: HeldState) => { loss: Tensor; trained: unknown; updates: unknown },
): Promise<Found> {
  const state: HeldState = holdState(device, initState(config, VOCABULARY, PAIRS));
  const fill = await compile(device, {
    outputs: {},
    updates: fillPools(config, state, batchInputs(config, "plain")),
  });
  const batch = hostBatch(config);
  fill.run(inputsFor(fill, { ...batch, tokens: batch.tokens.toReversed() }));
  const { loss, trained, updates } = lossOf(state);
  const outputs = Object.fromEntries(leaves<Tensor>(grad(loss, trained)));
  const plan = await compile(device, { outputs: { ...outputs, loss }, updates });
  plan.run(inputsFor(plan, batch));
  const gradients = await plan.read();
  const { params: _, moments: __, ...rest } = state;
  const found = new Map(leaves<HostArray>(await readState(device, rest)));
  for (const made of [fill, plan]) made.destroy();
  release(device, state);
  return { gradients, state: found, peakBytes: plan.memory.peakBytes };
}

/** The gradients of a training step. */
async function stepGradients(config: Config, kind: StepKind): Promise<Found> {
  const captions = hold(device, CAPTIONS);
  const found = await gradientsOf(config, (state) => {
    const step = stepLoss(config, state, batchInputs(config, kind, captions), kind);
    return { loss: step.loss, trained: step.trained, updates: step.state };
  });
  release(device, captions);
  return found;
}

function expectNear(actual: Found, expected: Found, limit: number): void {
  expect(Object.keys(actual.gradients)).toEqual(Object.keys(expected.gradients));
  for (const [path, data] of Object.entries(expected.gradients)) {
    const { error, text } = worstError(actual.gradients[path]!, Float64Array.from(data));
    expect(error, `${path}${text}`).toBeLessThan(limit);
  }
  for (const [path, leaf] of expected.state) {
    const found = actual.state.get(path)!;
    if (path.endsWith("rows")) {
      const { error, text } = worstError(found.data, Float64Array.from(leaf.data));
      expect(error, `${path}${text}`).toBeLessThan(limit);
    } else expect(found, path).toEqual(leaf);
  }
}

describe("micro-batches of a vision transformer", () => {
  const reencoded = { textGradient: "re-encoded" };
  const both = { direction: "both", duplicates: "excluded" };
  it.each([
    ["a plain step", "plain", {}],
    ["a matching step", "matching", {}],
    ["a matching step that encodes captions anew", "matching", { roclip: reencoded }],
    ["a matching step of both directions", "matching", { roclip: both }],
    ["a plain step of f16", "plain", AMP],
    ["a matching step of f16", "matching", AMP],
  ] as const)(
    "have the gradients, pool and matches of the whole batch: %s",
    async (_, kind, changes) => {
      const whole = await stepGradients(transformer(changes), kind);
      for (const microBatch of [4, 1]) {
        const parts = await stepGradients(transformer({ ...changes, microBatch }), kind);
        expectNear(parts, whole, 1e-5);
      }
    },
    COMPILE_MS,
  );

  it("take less memory", async () => {
    const images = { model: { embed_dim: 10, vision_cfg: { ...VIT, image_size: 32 }, text_cfg } };
    const whole = await stepGradients(transformer(images), "plain");
    const parts = await stepGradients(transformer({ ...images, microBatch: 2 }), "plain");
    expect(parts.peakBytes).toBeLessThan(whole.peakBytes / 3);
  });
});

/** The loss of a plain step on micro-batches, all of whose activations are kept. */
function keptLoss(config: Config, state: HeldState) {
  const { params } = state;
  let { statistics } = state;
  const { parts } = batchInputs(config, "plain");
  const [I, T] = [
    parts.map(({ images, draws }) => {
      const options = { size: config.imageSize, blurKernel: config.augment.blurKernel };
      const seen = imageFeatures(params.image, statistics, augment(images, draws, options), config);
      statistics = seen.statistics;
      return seen.features;
    }),
    parts.map(({ tokens, ends }) => textFeatures(params.text, config, tokens, ends)),
  ].map((features) => unitRows(concatRows(features as [Tensor])));
  return { loss: contrastiveLoss(I!, T!, params.logitScale), trained: params, statistics };
}

describe("micro-batches of a tower with batch norms", () => {
  const config = residual({ defence: "clip", microBatch: 4 });

  it("are normalised one by one: the bits of keeping their activations, statistics included", async () => {
    const parts = await stepGradients(config, "plain");
    const kept = await gradientsOf(config, (state) => {
      const { loss, trained, statistics } = keptLoss(config, state);
      return { loss, trained, updates: { statistics } };
    });
    expect(parts.gradients).toEqual(kept.gradients);
    const statistics = [...parts.state].filter(([path]) => path.startsWith("statistics"));
    expect(statistics.length).toBeGreaterThan(0);
    for (const [path, leaf] of statistics) expect(leaf, path).toEqual(kept.state.get(path));
  });

  it("do not have the gradients of the whole batch, and say so", async () => {
    const whole = await stepGradients({ ...config, microBatch: 0 }, "plain");
    const parts = await stepGradients(config, "plain");
    const path = "image.stem.conv";
    const expected = Float64Array.from(whole.gradients[path]!);
    expect(worstError(parts.gradients[path]!, expected).error).toBeGreaterThan(1e-2);
    expect(microBatchNote(config)).toContain("statistics of 4 pairs at a time, not of all 12");
    expect(microBatchNote({ ...config, microBatch: 0 })).toBeUndefined();
    expect(microBatchNote(transformer({ microBatch: 4 }))).toBeUndefined();
  });
});

describe("activations computed again", () => {
  const RESNET = {
    layers: [1, 2, 1, 1],
    width: 4,
    head_width: 8,
    patch_size: null,
    image_size: 32,
  };
  const resnet = (changes: object) =>
    parseConfig({
      batch: BATCH,
      model: { embed_dim: 10, vision_cfg: RESNET, text_cfg },
      roclip: { poolSize: 17 },
      ...changes,
    });
  it.each([
    ["CLIP's ResNet", resnet],
    ["the small tower", residual],
    ["a vision transformer", transformer],
    ["a vision transformer of f16", (changes: object) => transformer({ ...changes, ...AMP })],
  ] as const)(
    "give the bits of keeping them, in less memory: %s",
    async (_, configOf) => {
      const kept = await stepGradients(configOf({}), "matching");
      for (const recompute of [0.5, 1]) {
        const again = await stepGradients(configOf({ recompute }), "matching");
        expect(again.gradients).toEqual(kept.gradients);
        expect([...again.state]).toEqual([...kept.state]);
        expect(again.peakBytes).toBeLessThan(kept.peakBytes);
      }
    },
    COMPILE_MS,
  );

  it(
    "do so within micro-batches",
    async () => {
      const config = { defence: "clip", microBatch: 4 };
      const kept = await stepGradients(residual(config), "plain");
      const again = await stepGradients(residual({ ...config, recompute: 1 }), "plain");
      expect(again.gradients).toEqual(kept.gradients);
      expect([...again.state]).toEqual([...kept.state]);
    },
    COMPILE_MS,
  );
});

it("must divide the batch", () => {
  expect(() => transformer({ microBatch: 5 })).toThrow(
    "microBatch must divide batch; found 5 and 12",
  );
});
