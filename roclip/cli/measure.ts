/** Measuring a saved model, for `roclip evaluate` and for the cells of a sweep. */
import { dirname } from "node:path";
import { type Device, release } from "../../engine/index.ts";
import { assess, classifyHeldOut, type MeasureGroup, type MeasureRow } from "../assess.ts";
import type { Assessed } from "../assessed.ts";
import { assessSet } from "../assessSet.ts";
import { type Attacks, attack } from "../attack.ts";
import { type EvaluationSet, readSet } from "../data/evaluationSets.ts";
import { UserError } from "../errors.ts";
import { createEmbedder, evaluate, remembering, subjectsOf } from "../evaluate.ts";
import { type Confusion, confusionsOf } from "../measures/confusions.ts";
import { readConfig, readRun, readTruth, type SavedRun } from "../runFolder.ts";
import { type Phase, phaseOf } from "../schedule.ts";
import type { Config } from "../schema.ts";
import type { Source, SourceData } from "../source.ts";
import { type ResultRow, resultRows } from "../table.ts";
import { loadModel } from "../train.ts";
import type { Attack, TruthRow } from "../truth.ts";
import { loadSource } from "./common.ts";

/** The training data as the run saw it. @throws UserError when it cannot be made again */
function attackedAgain(data: SourceData, saved: SavedRun, truth: readonly TruthRow[]): Attack {
  const made = attack(data.train, data.test, saved.progress.config);
  const rows = (of: readonly TruthRow[]) => JSON.stringify(of.map((t) => [t.row, t.caption]));
  const same = made.dataset.captions.length === saved.progress.pairs;
  if (same && rows(made.truth) === rows(truth)) return made;
  throw new UserError(
    "evaluate: detection, audit, --matches and --embeddings must have the training data of the " +
      "run; its attacks come out otherwise here; give the tables and images of its training",
  );
}

/** An evaluation set and where it is. */
export interface SetFolder {
  readonly set: EvaluationSet;
  readonly folder: string;
}

/** What is to be measured of a saved model. */
export interface ToMeasure {
  readonly measures: readonly MeasureGroup[];
  readonly on: readonly SetFolder[];
  /** Training images of a class of those sets, at most. */
  readonly perClass?: number | undefined;
  /** Attacks to measure by instead of the model's own: of a run's folder, or as configured. */
  readonly attacks?: string | Attacks | undefined;
  /** Other data than the run's own. */
  readonly source?: Source | undefined;
  readonly load?: typeof loadSource;
  /** Given the model, measured, before it is let go. */
  readonly also?: (assessed: Assessed) => Promise<void>;
}

/** The attacks that a model is measured by, and what they do to the data. */
async function attacksFor(
  path: string,
  config: Config,
  attacks: ToMeasure["attacks"],
  { train, test }: SourceData,
): Promise<{ attackedBy: Attacks; truth: readonly TruthRow[] }> {
  if (typeof attacks === "object")
    return { attackedBy: attacks, truth: attack(train, test, attacks).truth };
  const own = path.endsWith(".safetensors") ? dirname(path) : path;
  const attackedBy = attacks === undefined ? config : await readConfig(attacks);
  return { attackedBy, truth: await readTruth(attacks ?? own) };
}

/** Some measures take minutes. */
const sayWhat = (name: string) => console.log(`measuring ${name}`);

/** What was measured of a saved model: a row as every command writes it, and every measure. */
export interface Measured extends ResultRow {
  readonly kind: Phase;
  readonly measures: readonly MeasureRow[];
  /** Which classes the labelled held-out images are taken for, without the attacks. */
  readonly confusions: readonly Confusion[];
}

/** A saved model on a device, and what it is measured on. */
async function openModel(
  device: Device,
  path: string,
  saved: SavedRun,
  { source, attacks, load = loadSource }: ToMeasure,
): Promise<Assessed> {
  const { config, classes, prompts, source: own } = saved.progress;
  const data = await load(source ?? own, config);
  const { attackedBy, truth } = await attacksFor(path, config, attacks, data);
  const { state, tokenizer } = loadModel(device, saved);
  const embedder = remembering(await createEmbedder(device, config, state, tokenizer));
  let made: Attack | undefined;
  const subjects = subjectsOf(attackedBy, { test: data.test, classes, prompts, truth });
  return {
    ...{ device, embedder, state, seed: config.seed, judge: config.roclip.judge, subjects },
    data: { ...data, classes, prompts },
    attacked() {
      made ??= attackedAgain(data, saved, truth);
      return made;
    },
  };
}

/**
 * Measure a saved model.
 *
 * @param path  run folder, or its checkpoint
 */
export async function measureRun(
  device: Device,
  path: string,
  options: ToMeasure,
): Promise<Measured> {
  const saved = await readRun(path);
  const { defence, seed, imageSize } = saved.progress.config;
  const assessed = await openModel(device, path, saved, options);
  const { embedder, subjects, data, state } = assessed;
  const measures = await assess(assessed, options.measures, sayWhat);
  for (const { set, folder } of options.on) {
    sayWhat(set.name);
    const read = await readSet(set, folder, imageSize, options.perClass);
    measures.push(...(await assessSet(device, embedder, seed, read)));
  }
  const { confusion } = await classifyHeldOut(assessed);
  const found = await evaluate(embedder, subjects, data);
  await options.also?.(assessed);
  embedder.destroy();
  release(device, state);
  const { phase, epoch } = reached(saved);
  const unknown = { loss: Number.NaN, pairsPerSecond: Number.NaN, seconds: Number.NaN };
  const epochs = [{ epoch, phase, ...unknown, ...found }];
  const [row] = resultRows([{ defence, seed, epochs }]);
  const confusions = confusionsOf(confusion, data.classes);
  return { ...row!, kind: phase, measures, confusions };
}

/** The epoch that a saved model has reached: between epochs the one under way has no step done. */
function reached({ progress }: SavedRun) {
  const epoch = progress.step === 0 ? progress.epoch - 1 : progress.epoch;
  return { epoch, phase: phaseOf(progress.config, epoch) };
}
