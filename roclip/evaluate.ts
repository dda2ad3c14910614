/** Measuring a model: embeddings from the device, rates on the host. Evaluation never augments. */
import {
  compile,
  type Device,
  fold,
  input,
  keyOf,
  normalise,
  type Plan,
  unitRows,
} from "../engine/index.ts";
import { triggeredHeldOut } from "./backdoor.ts";
import { imageWords, packCaptions, packImages } from "./batches.ts";
import { type Dataset, subset } from "./data/dataset.ts";
import { backdoorSuccess, classVectors, poisonSuccess, type Rows, zeroShot } from "./measures.ts";
import type { HeldState } from "./model.ts";
import type { Config } from "./schema.ts";
import { textFeatures } from "./text.ts";
import type { Tokenizer } from "./tokenize.ts";
import { type PoisonTarget, poisonTargets, type TruthRow } from "./truth.ts";
import { imageFeaturesEval } from "./vision.ts";

/** What a model is measured on. */
export interface EvaluationData {
  /** Held-out images with labels; "" where unlabelled. */
  readonly test: Dataset;
  readonly classes: readonly string[];
  /** Zero-shot prompts; `{}` stands for the class. */
  readonly prompts: readonly string[];
  /** What was done to the training data; empty when it was clean. */
  readonly truth: readonly TruthRow[];
}

/** What a measurement came to. Shares in [0, 1]; NaN where there was nothing to measure. */
export interface Evaluation {
  readonly zeroShotTop1: number;
  readonly classMean: number;
  readonly psr: number;
  readonly psrTop5: number;
  readonly asr: number;
  readonly trueClassTarget: number;
  readonly trueClassTriggered: number;
  /** Class that each poisoned target and each triggered image is given. */
  readonly targetPredictions: readonly string[];
  readonly triggeredPredictions: readonly string[];
}

/** Embeds images and captions with a held model. */
export interface Embedder {
  images(dataset: Dataset): Promise<Rows>;
  captions(captions: readonly string[]): Promise<Rows>;
  destroy(): void;
}

const TRIGGER_KEY = 0x74726967; // "trig": places of the trigger on held-out images

/** Run a plan over rows in batches, the last one padded by repeating its last row. */
async function embedBatches(
  plan: Plan,
  rows: number,
  batch: number,
  width: number,
  inputs: (rows: Uint32Array) => Parameters<Plan["run"]>[0],
): Promise<Rows> {
  const data = new Float32Array(rows * width);
  for (let first = 0; first < rows; first += batch) {
    plan.run(inputs(Uint32Array.from({ length: batch }, (_, i) => Math.min(first + i, rows - 1))));
    const { y } = await plan.read("y");
    const kept = Math.min(batch, rows - first);
    data.set(y!.subarray(0, kept * width), first * width);
  }
  return { data, width };
}

/** Build the two evaluation plans of a model: of its averaged weights, where it keeps them. */
export async function createEmbedder(
  device: Device,
  config: Config,
  state: Pick<HeldState, "params" | "statistics" | "average">,
  tokenizer: Tokenizer,
): Promise<Embedder> {
  const { batch, imageSize, contextLength, embedding } = config;
  const { params, statistics } = state.average ?? state;
  const bytes = input("images", [batch, imageWords(imageSize)], "u32");
  const pixels = normalise(bytes, { size: imageSize });
  const image = unitRows(imageFeaturesEval(params.image, statistics, pixels, config));
  const tokens = input("tokens", [batch, contextLength], "u32");
  const ends = input("ends", [batch], "u32");
  const text = unitRows(textFeatures(params.text, config, tokens, ends));
  const [imagePlan, textPlan] = await Promise.all([
    compile(device, { outputs: { y: image } }),
    compile(device, { outputs: { y: text } }),
  ]);
  return {
    images: (dataset) =>
      embedBatches(imagePlan, dataset.ids.length, batch, embedding, (rows) => ({
        images: packImages(dataset, rows),
      })),
    captions: (captions) =>
      embedBatches(textPlan, captions.length, batch, embedding, (rows) => ({
        ...packCaptions(
          tokenizer,
          Array.from(rows, (row) => captions[row]!),
          contextLength,
        ),
      })),
    destroy() {
      imagePlan.destroy();
      textPlan.destroy();
    },
  };
}

/** The images that a run is measured on, chosen and triggered once. */
export interface Subjects {
  readonly labelled: Dataset;
  readonly targets: readonly PoisonTarget[];
  readonly targetImages: Dataset;
  readonly backdoorClass: string | undefined;
  readonly triggered: Dataset | undefined;
}

/** Choose what to measure on. */
export function subjectsOf(config: Config, { test, truth }: EvaluationData): Subjects {
  const targets = poisonTargets(truth, test);
  const backdoorClass = truth.find(({ kind }) => kind === "backdoor")?.targetClass;
  const labelled = test.labels.flatMap((label, row) => (label === "" ? [] : [row]));
  const key = fold(keyOf(config.seed), TRIGGER_KEY);
  return {
    labelled: subset(test, labelled),
    targets,
    targetImages: subset(
      test,
      targets.map(({ row }) => row),
    ),
    backdoorClass,
    triggered:
      backdoorClass === undefined ? undefined : triggeredHeldOut(test, backdoorClass, config, key),
  };
}

/**
 * Measure a model.
 *
 * @param subjects  from subjectsOf, for the same data
 */
export async function evaluate(
  embedder: Embedder,
  subjects: Subjects,
  { classes, prompts }: Pick<EvaluationData, "classes" | "prompts">,
): Promise<Evaluation> {
  const captions = classes.flatMap((name) => prompts.map((p) => p.replaceAll("{}", name)));
  const vectors = classVectors(await embedder.captions(captions), prompts.length);
  const indices = (names: readonly string[]) => names.map((name) => classes.indexOf(name));
  const named = (predictions: Uint32Array) => Array.from(predictions, (c) => classes[c]!);
  const { labelled, targets, targetImages, triggered, backdoorClass } = subjects;

  const zero = zeroShot(await embedder.images(labelled), vectors, indices(labelled.labels));
  const poisoned = poisonSuccess(
    await embedder.images(targetImages),
    vectors,
    indices(targets.map(({ targetClass }) => targetClass)),
    indices(targets.map(({ trueClass }) => trueClass)),
  );
  const opened =
    triggered &&
    backdoorSuccess(
      await embedder.images(triggered),
      vectors,
      classes.indexOf(backdoorClass!),
      indices(triggered.labels),
    );
  return {
    zeroShotTop1: zero.top1.value,
    classMean: zero.classMean,
    psr: poisoned.top1.value,
    psrTop5: poisoned.top5.value,
    asr: opened?.top1.value ?? Number.NaN,
    trueClassTarget: poisoned.trueClass.value,
    trueClassTriggered: opened?.trueClass.value ?? Number.NaN,
    targetPredictions: named(poisoned.predictions),
    triggeredPredictions: opened ? named(opened.predictions) : [],
  };
}
