/** Any of the measures on a model, as rows of one table. */
import { fold, keyOf } from "../engine/index.ts";
import { type Assessed, mean, type Named } from "./assessed.ts";
import { assessDetection, assessPool } from "./assessPairs.ts";
import { classIndices } from "./classes.ts";
import { type Dataset, subset } from "./data/dataset.ts";
import { embedClasses, measureBackdoor } from "./evaluate.ts";
import { type LinearModel, probeAccuracy } from "./measures/linearModel.ts";
import { linearProbe } from "./measures/linearProbe.ts";
import { sweptRegression } from "./measures/logisticRegression.ts";
import { margins } from "./measures/margins.ts";
import { retrieval } from "./measures/retrieval.ts";
import { backdoorSuccess, poisonSuccess, type Rows, type ZeroShot, zeroShot } from "./measures.ts";
import { isCaptionBackdoor } from "./triggers/trigger.ts";

/** Groups of measures, by the name that `--measures` takes. */
export const MEASURES = [
  "zero-shot",
  "attacks",
  "retrieval",
  "probe",
  "regression",
  "detection",
  "audit",
] as const;

export type MeasureGroup = (typeof MEASURES)[number];

/** One measured number. */
export interface MeasureRow {
  /** One of MEASURES, the name of an evaluation set, or whose attacks it is measured by. */
  readonly group: string;
  readonly measure: string;
  /** null where there was nothing to measure. */
  readonly value: number | null;
  /** Ends of the Wilson 95% interval, and the cases, where it is a rate. */
  readonly low?: number;
  readonly high?: number;
  readonly cases?: number;
}

export const PROBE_KEY = 0x70726f62; // "prob": orders and validation rows of the probes

/** A measure as a row. */
export function rowOf(group: string, [measure, value]: Named): MeasureRow {
  if (typeof value === "number")
    return { group, measure, value: Number.isFinite(value) ? value : null };
  const { low, high, count: cases } = value;
  const interval = cases > 0 ? { low, high } : {};
  return { group, measure, value: cases > 0 ? value.value : null, ...interval, cases };
}

/** Zero-shot classification of the labelled held-out images. */
export async function classifyHeldOut({ embedder, data, subjects }: Assessed): Promise<ZeroShot> {
  const { labelled } = subjects;
  const vectors = await embedClasses(embedder, data);
  const labels = classIndices(data.classes, labelled.labels);
  return zeroShot(await embedder.images(labelled), vectors, labels);
}

async function assessZeroShot(assessed: Assessed): Promise<Named[]> {
  const found = await classifyHeldOut(assessed);
  return [
    ["top-1", found.top1],
    ["top-3", found.top3],
    ["top-5", found.top5],
    ["top-10", found.top10],
    ["class mean", found.classMean],
  ];
}

/** PSR and what belongs to it. */
async function assessPoison(
  { embedder, data, subjects }: Assessed,
  vectors: Rows,
): Promise<Named[]> {
  const { targets, targetImages } = subjects;
  if (targets.length === 0) return [];
  const indices = (names: readonly string[]) => classIndices(data.classes, names);
  const images = await embedder.images(targetImages);
  const adversarial = indices(targets.map(({ targetClass }) => targetClass));
  const own = indices(targets.map(({ trueClass }) => trueClass));
  const found = poisonSuccess(images, vectors, adversarial, own);
  return [
    ["PSR", found.top1],
    ["PSR top-3", found.top3],
    ["PSR top-5", found.top5],
    ["poisoned: true class", found.trueClass],
    ["poisoned: mean margin", mean(margins(images, vectors, adversarial, own))],
  ];
}

async function assessAttacks(assessed: Assessed): Promise<Named[]> {
  const { embedder, data, subjects } = assessed;
  const vectors = await embedClasses(embedder, data);
  const indices = (names: readonly string[]) => classIndices(data.classes, names);
  const rows = await assessPoison(assessed, vectors);
  for (const subject of subjects.backdoors) {
    const { backdoor, targetClass, triggered } = subject;
    const name = `${backdoor.kind} → ${targetClass}`;
    const found = await measureBackdoor(embedder, subject, subjects, data.classes, vectors);
    rows.push([`ASR, ${name}`, found.top1], [`${name}: true class`, found.trueClass]);
    if (isCaptionBackdoor(backdoor)) continue;
    const wanted = data.classes.indexOf(targetClass);
    const plain = await embedder.images(subjects.labelled);
    const own = indices(subjects.labelled.labels);
    const without = backdoorSuccess(plain, vectors, wanted, own);
    rows.push([`${name}: the same without the trigger`, without.top1]);
    const target = triggered.labels.map(() => wanted);
    const images = await embedder.images(triggered);
    const margin = margins(images, vectors, target, indices(triggered.labels));
    rows.push([`${name}: mean margin`, mean(margin)]);
  }
  return rows;
}

async function assessRetrieval({ embedder, data: { test } }: Assessed): Promise<Named[]> {
  const images = await embedder.images(test);
  const texts = await embedder.captions(test.captions);
  const found = retrieval(images, texts, test.captions);
  return [
    ["image to text R@1", found.imageToText.at1],
    ["image to text R@5", found.imageToText.at5],
    ["image to text R@10", found.imageToText.at10],
    ["text to image R@1", found.textToImage.at1],
    ["text to image R@5", found.textToImage.at5],
    ["text to image R@10", found.textToImage.at10],
  ];
}

/** The rows of a data set that are of one of the classes. */
export function labelledRows(dataset: Dataset, classes: readonly string[]): Dataset {
  const known = new Set(classes);
  const rows = dataset.labels.flatMap((label, row) => (known.has(label) ? [row] : []));
  return subset(dataset, rows);
}

/** What a probe learns from, the clean training split, and what it is measured on. */
async function probed({ embedder, ...rest }: Assessed) {
  const { seed, data, subjects } = rest;
  const { classes } = data;
  const train = labelledRows(data.train, classes);
  const held = await embedder.features(subjects.labelled);
  const truth = classIndices(classes, subjects.labelled.labels);
  return {
    features: await embedder.features(train),
    labels: classIndices(classes, train.labels),
    C: classes.length,
    key: fold(keyOf(seed), PROBE_KEY),
    accuracy: (model: LinearModel) => probeAccuracy(model, held, truth),
  };
}

async function assessProbe(assessed: Assessed): Promise<Named[]> {
  const { features, labels, C, key, accuracy } = await probed(assessed);
  const found = accuracy(await linearProbe(assessed.device, features, labels, C, key));
  return [
    ["linear probe top-1", found.top1],
    ["linear probe class mean", found.classMean],
  ];
}

async function assessRegression(assessed: Assessed): Promise<Named[]> {
  const { features, labels, C, key, accuracy } = await probed(assessed);
  const fitted = await sweptRegression(assessed.device, features, labels, C, key);
  const found = accuracy(fitted.model);
  const name = fitted.converged ? "logistic regression" : "logistic regression (not converged)";
  return [
    [`${name} top-1`, found.top1],
    [`${name} class mean`, found.classMean],
    [`${name} λ`, fitted.lambda],
  ];
}

const ASSESS: Readonly<Record<MeasureGroup, (assessed: Assessed) => Promise<Named[]>>> = {
  "zero-shot": assessZeroShot,
  attacks: assessAttacks,
  retrieval: assessRetrieval,
  probe: assessProbe,
  regression: assessRegression,
  detection: assessDetection,
  audit: assessPool,
};

/**
 * Measure a model.
 *
 * @param groups   which measures, in the order wanted
 * @param onGroup  told of each before it is measured
 * @returns       a row for each number; none where there was no attack to measure
 */
export async function assess(
  assessed: Assessed,
  groups: readonly MeasureGroup[],
  onGroup: (group: MeasureGroup) => void,
): Promise<MeasureRow[]> {
  const rows: MeasureRow[] = [];
  for (const group of groups) {
    onGroup(group);
    rows.push(...(await ASSESS[group](assessed)).map((named) => rowOf(group, named)));
  }
  return rows;
}
