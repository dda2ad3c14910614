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
import { type Attacks, backdoorsOf } from "./attack.ts";
import { triggeredHeldOut } from "./backdoor.ts";
import { imageWords, packCaptions, packImages } from "./batches.ts";
import { classIndices, namesOf } from "./classes.ts";
import { type Dataset, subset } from "./data/dataset.ts";
import { UserError } from "./errors.ts";
import { captionBackdoorSuccess } from "./measures/captionBackdoor.ts";
import {
  type BackdoorSuccess,
  backdoorSuccess,
  classVectors,
  poisonSuccess,
  type Rate,
  type Rows,
  wilson,
  zeroShot,
} from "./measures.ts";
import type { HeldState } from "./model.ts";
import type { Config } from "./schema.ts";
import { textFeatures } from "./text.ts";
import type { Tokenizer } from "./tokenize.ts";
import { type Backdoor, isCaptionBackdoor } from "./triggers/trigger.ts";
import { type PoisonTarget, poisonTargets, type TruthRow } from "./truth.ts";
import { imageFeaturesEval } from "./vision.ts";

/** What a model is measured on. */
export interface EvaluationData {
  /** Held-out images with labels; "" where unlabelled. */
  readonly test: Dataset;
  readonly classes: readonly string[];
  /** Zero-shot prompts; `{}` stands for each name of the class. */
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
  /** f32[N, E], unit rows. */
  images(dataset: Dataset): Promise<Rows>;
  /** f32[N, E], as the image tower makes them: not of unit length. */
  features(dataset: Dataset): Promise<Rows>;
  /** f32[N, E], unit rows. */
  captions(captions: readonly string[]): Promise<Rows>;
  destroy(): void;
}

/** An embedder of weights that no longer change: it embeds the images of a data set once. */
export function remembering(embedder: Embedder): Embedder {
  const once = (embed: (dataset: Dataset) => Promise<Rows>) => {
    const known = new WeakMap<Dataset, Promise<Rows>>();
    return (dataset: Dataset): Promise<Rows> => {
      const found = known.get(dataset) ?? embed(dataset);
      known.set(dataset, found);
      return found;
    };
  };
  return { ...embedder, images: once(embedder.images), features: once(embedder.features) };
}

const TRIGGER_KEY = 0x74726967; // "trig": places of the trigger on held-out images

/** Run a plan over rows in batches, the last one padded by repeating its last row. */
async function embedBatches(
  plan: Plan,
  rows: number,
  batch: number,
  { output, width }: { readonly output: string; readonly width: number },
  inputs: (rows: Uint32Array) => Parameters<Plan["run"]>[0],
): Promise<Rows> {
  const data = new Float32Array(rows * width);
  for (let first = 0; first < rows; first += batch) {
    plan.run(inputs(Uint32Array.from({ length: batch }, (_, i) => Math.min(first + i, rows - 1))));
    const { [output]: y } = await plan.read(output);
    const kept = Math.min(batch, rows - first);
    data.set(y!.subarray(0, kept * width), first * width);
  }
  return { data, width };
}

/** What evaluation reads of a state. */
type Evaluated = Pick<HeldState, "params" | "statistics" | "average">;

/** Images and captions that evaluation embeds at once: as many as training has in memory. */
const evaluationBatch = ({ batch, microBatch }: Config) => microBatch || batch;

/** The two evaluation programs of a model: of its averaged weights, where it keeps them. */
export function evaluationPrograms(config: Config, state: Evaluated) {
  const { imageSize, contextLength } = config;
  const batch = evaluationBatch(config);
  const { params, statistics } = state.average ?? state;
  const bytes = input("images", [batch, imageWords(imageSize)], "u32");
  const pixels = normalise(bytes, { size: imageSize });
  const features = imageFeaturesEval(params.image, statistics, pixels, config);
  const tokens = input("tokens", [batch, contextLength], "u32");
  const ends = input("ends", [batch], "u32");
  const text = unitRows(textFeatures(params.text, config, tokens, ends));
  return {
    images: { outputs: { unit: unitRows(features), features } },
    captions: { outputs: { unit: text } },
  };
}

/** Build the two evaluation plans of a model. */
export async function createEmbedder(
  device: Device,
  config: Config,
  state: Evaluated,
  tokenizer: Tokenizer,
): Promise<Embedder> {
  const { contextLength, embedding: width } = config;
  const batch = evaluationBatch(config);
  const { images, captions } = evaluationPrograms(config, state);
  const [imagePlan, textPlan] = await Promise.all([
    compile(device, images),
    compile(device, captions),
  ]);
  const embedImages = (dataset: Dataset, output: string) =>
    embedBatches(imagePlan, dataset.ids.length, batch, { output, width }, (rows) => ({
      images: packImages(dataset, rows),
    }));
  return {
    images: (dataset) => embedImages(dataset, "unit"),
    features: (dataset) => embedImages(dataset, "features"),
    captions: (captions) =>
      embedBatches(textPlan, captions.length, batch, { output: "unit", width }, (rows) => ({
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

/** What measures one backdoor. */
export interface BackdoorSubject {
  readonly backdoor: Backdoor;
  readonly targetClass: string;
  /** Held-out pairs of other classes with the trigger on. */
  readonly triggered: Dataset;
}

/** The images that a run is measured on, chosen and triggered once. */
export interface Subjects {
  readonly labelled: Dataset;
  readonly targets: readonly PoisonTarget[];
  readonly targetImages: Dataset;
  /** Of the backdoors that were carried out, in the configuration's order. */
  readonly backdoors: readonly BackdoorSubject[];
}

/** @throws UserError unless every class that an attack leads to is one of the classes */
function requireTargets({ truth, classes }: EvaluationData): void {
  const absent = truth.find(({ targetClass }) => !classes.includes(targetClass))?.targetClass;
  if (absent === undefined) return;
  throw new UserError(
    `evaluate: every class that an attack leads to must be a zero-shot class; "${absent}" is not ` +
      `among ${classes.join(", ")}; choose another target class, or add it to the classes`,
  );
}

/**
 * Choose what to measure on.
 *
 * @throws  UserError when an attack leads to a class that has no prompt
 */
export function subjectsOf(attacks: Attacks, evaluation: EvaluationData): Subjects {
  const { test, truth, classes } = evaluation;
  requireTargets(evaluation);
  const targets = poisonTargets(truth, test);
  const known = new Set(classes);
  const labelled = test.labels.flatMap((label, row) => (known.has(label) ? [row] : []));
  const named = { ...test, labels: test.labels.map((label) => (known.has(label) ? label : "")) };
  const backdoors = backdoorsOf(attacks).flatMap((backdoor, turn): BackdoorSubject[] => {
    const of = ({ kind, attack }: TruthRow) => kind === "backdoor" && attack === turn;
    const targetClass = truth.find(of)?.targetClass;
    if (targetClass === undefined) return [];
    const key = fold(keyOf(attacks.seed), TRIGGER_KEY + turn);
    const triggered = triggeredHeldOut(named, targetClass, { backdoor }, key);
    return [{ backdoor, targetClass, triggered }];
  });
  const rows = targets.map(({ row }) => row);
  return { labelled: subset(test, labelled), targets, targetImages: subset(test, rows), backdoors };
}

/** What one backdoor came to: by classification, or by retrieval where captions are triggered. */
export async function measureBackdoor(
  embedder: Embedder,
  { backdoor, targetClass, triggered }: BackdoorSubject,
  { labelled }: Subjects,
  classes: readonly string[],
  vectors: Rows,
): Promise<BackdoorSuccess> {
  const indices = (names: readonly string[]) => classIndices(classes, names);
  const target = classes.indexOf(targetClass);
  const own = indices(triggered.labels);
  if (!isCaptionBackdoor(backdoor))
    return backdoorSuccess(await embedder.images(triggered), vectors, target, own);
  const captions = await embedder.captions(triggered.captions);
  const images = await embedder.images(labelled);
  return captionBackdoorSuccess(captions, images, indices(labelled.labels), target, own);
}

/** The class vectors of a model. */
export async function embedClasses(
  embedder: Pick<Embedder, "captions">,
  { classes, prompts, test }: Pick<EvaluationData, "classes" | "prompts" | "test">,
): Promise<Rows> {
  const captions = classes.map((label) =>
    namesOf(test, label).flatMap((name) => prompts.map((p) => p.replaceAll("{}", name))),
  );
  const counts = captions.map(({ length }) => length);
  return classVectors(await embedder.captions(captions.flat()), counts);
}

/** The rate over the cases of several. */
function pooled(rates: readonly Rate[]): number {
  const sum = (of: (rate: Rate) => number) => rates.reduce((total, rate) => total + of(rate), 0);
  return wilson(
    sum(({ successes }) => successes),
    sum(({ count }) => count),
  ).value;
}

/**
 * Measure a model. ASR is over the cases of all backdoors together.
 *
 * @param subjects  from subjectsOf, for the same data
 */
export async function evaluate(
  embedder: Embedder,
  subjects: Subjects,
  data: Pick<EvaluationData, "classes" | "prompts" | "test">,
): Promise<Evaluation> {
  const { classes } = data;
  const vectors = await embedClasses(embedder, data);
  const indices = (names: readonly string[]) => classIndices(classes, names);
  const named = (predictions: Uint32Array) => Array.from(predictions, (c) => classes[c]!);
  const { labelled, targets, targetImages, backdoors } = subjects;

  const zero = zeroShot(await embedder.images(labelled), vectors, indices(labelled.labels));
  const poisoned = poisonSuccess(
    await embedder.images(targetImages),
    vectors,
    indices(targets.map(({ targetClass }) => targetClass)),
    indices(targets.map(({ trueClass }) => trueClass)),
  );
  const opened: BackdoorSuccess[] = [];
  for (const subject of backdoors)
    opened.push(await measureBackdoor(embedder, subject, subjects, classes, vectors));
  return {
    zeroShotTop1: zero.top1.value,
    classMean: zero.classMean,
    psr: poisoned.top1.value,
    psrTop5: poisoned.top5.value,
    asr: pooled(opened.map(({ top1 }) => top1)),
    trueClassTarget: poisoned.trueClass.value,
    trueClassTriggered: pooled(opened.map(({ trueClass }) => trueClass)),
    targetPredictions: named(poisoned.predictions),
    triggeredPredictions: opened.flatMap(({ predictions }) => named(predictions)),
  };
}
