import { fold, type Key, stream } from "../engine/random.ts";
import { rowsFor } from "./amount.ts";
import { classNames, rowsMentioning, variedFirst } from "./classes.ts";
import type { Config } from "./config.ts";
import type { Dataset } from "./data/dataset.ts";
import { UserError } from "./errors.ts";
import type { Attack, TruthRow } from "./truth.ts";

// Folds of the attack's key: one for the choice of images, one for each image's class and captions.
const CHOICE = 0;
const TARGET = 1;

const MOST_LISTED = 10; // classes named in one message

/** The classes that enough captions name, with those captions' rows; and the rest, in words. */
function nameableClasses(
  train: Dataset,
  classes: readonly string[],
  captionsNeeded: number,
): { rowsOf: ReadonlyMap<string, readonly number[]>; tooFew: string } {
  const all = classes.map((name) => ({ name, rows: rowsMentioning(train, name) }));
  const enough = all.filter(({ rows }) => rows.length >= captionsNeeded);
  const tooFew = all
    .filter(({ rows }) => rows.length < captionsNeeded)
    .sort((a, b) => b.rows.length - a.rows.length);
  const listed = tooFew.slice(0, MOST_LISTED).map(({ name, rows }) => `${name} ${rows.length}`);
  const more = tooFew.length > MOST_LISTED ? [`${tooFew.length - MOST_LISTED} more classes`] : [];
  return {
    rowsOf: new Map(enough.map(({ name, rows }) => [name, rows])),
    tooFew: [...listed, ...more].join(", "),
  };
}

/** The held-out rows to poison: labelled, no image twice, in random order. */
function chooseTargets(heldOut: Dataset, targets: number, key: Key): number[] {
  const labelled = heldOut.labels.flatMap((label, row) => (label === "" ? [] : [row]));
  if (labelled.length < targets) {
    throw new UserError(
      `poison: poison.targets must be at most the labelled held-out images; found ${targets} ` +
        `targets and ${labelled.length} images in "${heldOut.name}"; lower poison.targets`,
    );
  }
  const order = stream(key).permutation(labelled.length).subarray(0, targets);
  return Array.from(order, (index) => labelled[index]!);
}

/** The data with one row added for each truth row, showing held-out image `images[i]`. */
function appendRows(
  train: Dataset,
  heldOut: Dataset,
  truth: readonly TruthRow[],
  images: readonly number[],
): Dataset {
  const bytes = train.size * train.size * 3;
  const pixels = new Uint8Array(train.images.length + truth.length * bytes);
  pixels.set(train.images);
  for (const [index, row] of images.entries()) {
    const image = heldOut.images.subarray(row * bytes, (row + 1) * bytes);
    pixels.set(image, train.images.length + index * bytes);
  }
  return {
    ...train,
    images: pixels,
    captions: [...train.captions, ...truth.map((row) => row.caption)],
    labels: [...train.labels, ...truth.map((row) => row.trueClass)],
    ids: [...train.ids, ...truth.map((row) => row.id)],
  };
}

/** An adversarial class for an image of class `own`: any other that enough captions name. */
function chooseClass(
  own: string,
  rowsOf: ReadonlyMap<string, readonly number[]>,
  tooFew: string,
  below: (n: number) => number,
  captionsNeeded: number,
): string {
  const others = [...rowsOf.keys()].filter((name) => name !== own);
  if (others.length === 0) {
    throw new UserError(
      `poison: a class other than "${own}" must be named by at least ${captionsNeeded} training ` +
        `captions (poison.captionsPerTarget); found ${tooFew || "no other class"}; ` +
        "lower poison.captionsPerTarget or add captions",
    );
  }
  return others[below(others.length)]!;
}

/**
 * Targeted poisoning: pair held-out images, unmodified, with captions of another class, and append
 * the pairs to the training data.
 *
 * Images are drawn at random among the labelled held-out ones, never one image twice (two images of
 * one class may be). Each gets a class different from its own, drawn among the held-out classes
 * that at least `captionsPerTarget` training captions name as a whole word; then that many of those
 * captions, drawn without replacement, different texts first. Rows keep the image's true label.
 *
 * @param train    data to poison; left as it is
 * @param heldOut  data of the same image size that target images and class names are taken from
 * @param config   poison and seed decide; `targets` 0 returns the data unchanged
 * @param key      key of the draws; one target's draws do not depend on another's
 * @returns        the data with targets × captionsPerTarget rows appended, and the truth of each
 * @throws         UserError when there are too few labelled images, or captions of every other
 *                 class
 * @see            Carlini & Terzis 2022, arXiv:2106.09667, §3.1; Yang, Gao & Mirzasoleiman 2023,
 *                 arXiv:2303.06854
 */
export function poison(
  train: Dataset,
  heldOut: Dataset,
  config: Pick<Config, "poison" | "seed">,
  key: Key,
): Attack {
  const { targets } = config.poison;
  const captionsPerTarget = rowsFor(config.poison.captionsPerTarget, train.captions.length);
  if (targets === 0) return { dataset: train, truth: [], notes: [] };
  requireSameSize(train, heldOut);
  const { rowsOf, tooFew } = nameableClasses(train, classNames(heldOut), captionsPerTarget);
  const images: number[] = [];
  const truth: TruthRow[] = [];
  for (const [index, image] of chooseTargets(heldOut, targets, fold(key, CHOICE)).entries()) {
    const draws = stream(fold(fold(key, TARGET), index));
    const source = heldOut.ids[image]!;
    const trueClass = heldOut.labels[image]!;
    const targetClass = chooseClass(trueClass, rowsOf, tooFew, draws.below, captionsPerTarget);
    const rows = rowsOf.get(targetClass)!;
    const shuffled = Array.from(draws.permutation(rows.length), (at) => rows[at]!);
    for (const row of variedFirst(shuffled, train.captions).slice(0, captionsPerTarget)) {
      const caption = train.captions[row]!;
      const originalCaption = heldOut.captions[image]!;
      const appended = truth.length;
      images.push(image);
      truth.push({
        row: train.captions.length + appended,
        kind: "poison",
        trigger: "",
        attack: 0,
        id: `poison:${appended}:${source}`,
        ...{ source, trueClass, targetClass, caption, originalCaption, seed: config.seed },
      });
    }
  }
  return { dataset: appendRows(train, heldOut, truth, images), truth, notes: notesOn(tooFew) };
}

/** What must be known about classes that were left out. */
function notesOn(tooFew: string): string[] {
  if (tooFew === "") return [];
  return [`Too few captions to be an adversarial class (captions found): ${tooFew}.`];
}

/** @throws Error unless both data sets hold images of one size */
function requireSameSize(train: Dataset, heldOut: Dataset): void {
  if (train.size !== heldOut.size) {
    throw new Error(
      `poison: both data sets must have one image size; found ${train.size} in "${train.name}" ` +
        `and ${heldOut.size} in "${heldOut.name}"; resize one`,
    );
  }
}
