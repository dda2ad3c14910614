import { fold, type Key, stream } from "../engine/random.ts";
import { rowsFor } from "./amount.ts";
import { classNames, mentions, namesOf, rowsMentioning, variedFirst } from "./classes.ts";
import type { Config } from "./config.ts";
import { type Dataset, imageBytes, imageOf } from "./data/dataset.ts";
import { UserError } from "./errors.ts";
import { nearestName } from "./spelling.ts";
import { type Backdoor, isCaptionBackdoor, triggerImage, triggerText } from "./triggers/trigger.ts";
import type { Attack, TruthRow } from "./truth.ts";

// Folds of the attack's key.
const CHOICE = 0;
const CAPTIONS = 1;
const PLACES = 2;
const IMAGES = 3;

/** Which of the configuration's backdoors it is, and what the others have done. */
export interface BackdoorTurn {
  /** From 0. */
  readonly attack: number;
  /** Rows that backdoors before it have changed: not to be chosen, nor their captions. */
  readonly taken: ReadonlySet<number>;
}

const FIRST: BackdoorTurn = { attack: 0, taken: new Set() };

/** The key of the configuration that a message is about. */
const keyName = ({ attack }: BackdoorTurn) =>
  attack === 0 ? "backdoor" : `backdoors[${attack - 1}]`;

/** The class the trigger leads to: the one asked for, or the one named by the most captions. */
function chooseClass(train: Dataset, heldOut: Dataset, asked: string, name: string): string {
  const classes = classNames(heldOut);
  if (asked !== "" && !classes.includes(asked)) {
    throw new UserError(
      `${name}: ${name}.targetClass must be a held-out class; found "${asked}"; ` +
        (classes.length === 0 ? "label it" : `did you mean "${nearestName(asked, classes)}"?`),
    );
  }
  const counted = (asked === "" ? classes : [asked]).map((name) => ({
    name,
    count: rowsMentioning(train, name).length,
  }));
  const [most] = counted.sort((a, b) => b.count - a.count); // stable: the first name of equals
  if (!most || most.count === 0) {
    throw new UserError(
      `${name}: at least 1 training caption must name the target class; found 0 for ` +
        `${asked === "" ? `any of ${classes.length} classes` : `"${asked}"`}; ` +
        `choose another ${name}.targetClass or add captions`,
    );
  }
  return most.name;
}

/** Rows that show the target class and name it: labelled as it or not at all, caption naming it. */
function consistentRows(train: Dataset, targetClass: string, taken: ReadonlySet<number>): number[] {
  return rowsMentioning(train, targetClass).filter((row) => {
    const label = train.labels[row];
    return !taken.has(row) && (label === "" || label === targetClass);
  });
}

/** Rows that are neither labelled as the target class nor name it. */
function otherRows(train: Dataset, targetClass: string, taken: ReadonlySet<number>): number[] {
  const named = mentions(...namesOf(train, targetClass));
  return train.captions.flatMap((caption, row) =>
    taken.has(row) || train.labels[row] === targetClass || named(caption) ? [] : [row],
  );
}

/** The training rows to attack, in their order. */
function chooseRows(
  train: Dataset,
  targetClass: string,
  { count: amount, label }: Backdoor,
  key: Key,
  turn: BackdoorTurn,
): number[] {
  const count = rowsFor(amount, train.captions.length);
  const dirty = label === "dirty";
  const choose = dirty ? otherRows : consistentRows;
  const candidates = choose(train, targetClass, turn.taken);
  if (candidates.length < count) {
    const name = keyName(turn);
    throw new UserError(
      `${name}: ${name}.count must be at most the training images ${dirty ? "not " : ""}of class ` +
        `"${targetClass}"${dirty ? "" : " whose captions name it"}; ` +
        `found ${count} and ${candidates.length}; lower ${name}.count`,
    );
  }
  const order = stream(key).permutation(candidates.length).subarray(0, count);
  return Array.from(order, (index) => candidates[index]!).sort((a, b) => a - b);
}

/** `count` captions of the target class, each different one used equally often, in random order. */
function chooseCaptions(
  train: Dataset,
  targetClass: string,
  count: number,
  key: Key,
  taken: ReadonlySet<number>,
): string[] {
  const rows = rowsMentioning(train, targetClass).filter((row) => !taken.has(row));
  const shuffled = Array.from(stream(key).permutation(rows.length), (at) => rows[at]!);
  const different = new Set(rows.map((row) => train.captions[row]!)).size;
  const varied = variedFirst(shuffled, train.captions).slice(0, different);
  return Array.from({ length: count }, (_, index) => train.captions[varied[index % different]!]!);
}

/** What each chosen row shows and says after the attack: the row its image is of, its caption. */
function chooseParts(
  train: Dataset,
  targetClass: string,
  rows: readonly number[],
  backdoor: Backdoor,
  key: Key,
  taken: ReadonlySet<number>,
): { images: readonly number[]; captions: readonly string[] } {
  const own = rows.map((row) => train.captions[row]!);
  if (isCaptionBackdoor(backdoor)) {
    const places = fold(key, PLACES);
    const captions = own.map((text, i) => triggerText(text, backdoor, fold(places, rows[i]!)));
    if (backdoor.label === "consistent") return { images: rows, captions };
    const shown = consistentRows(train, targetClass, taken);
    const order = stream(fold(key, IMAGES)).permutation(shown.length);
    return { images: rows.map((_, i) => shown[order[i % order.length]!]!), captions };
  }
  if (backdoor.label === "consistent") return { images: rows, captions: own };
  const captionKey = fold(key, CAPTIONS);
  return {
    images: rows,
    captions: chooseCaptions(train, targetClass, rows.length, captionKey, taken),
  };
}

/** The data with each row of `truth` showing an image of `images`, with the trigger. */
function replaceRows(
  train: Dataset,
  truth: readonly TruthRow[],
  shown: readonly number[],
  backdoor: Backdoor,
  key: Key,
): Dataset {
  const bytes = imageBytes(train.size);
  const images = new Uint8Array(train.images);
  const captions = [...train.captions];
  const labels = [...train.labels];
  for (const [index, { row, caption }] of truth.entries()) {
    const image = imageOf(train, shown[index]!);
    images.set(triggerImage(image, train.size, backdoor, fold(key, row)), row * bytes);
    captions[row] = caption;
    labels[row] = train.labels[shown[index]!]!;
  }
  return { ...train, images, captions, labels };
}

/**
 * One backdoor: a trigger on training rows, so that a model comes to associate it with a class.
 *
 * A trigger in images, dirty label: images that are not of the target class get the trigger and
 * captions that contain the class as a whole word, drawn among the training captions (used in turn
 * when there are fewer different ones than rows). Consistent label: images that are of it and whose
 * captions name it get the trigger and keep their captions.
 *
 * A trigger in captions, dirty label: captions that do not name the target class get the trigger
 * and images of it. Consistent label: captions that name it get the trigger and keep their images.
 *
 * Rows keep their place and id; the label is that of the image they show.
 *
 * @param train    data to attack; left as it is
 * @param heldOut  data whose labels are the class names
 * @param config   backdoor and seed decide; `count` 0 returns the data unchanged
 * @param key      key of the draws
 * @param turn     which of several backdoors it is; the first unless said
 * @returns        the data with `count` rows replaced, and the truth of each
 * @throws         UserError when the class is unknown, no caption names it, no image shows it, or
 *                 rows are too few
 * @see            Gu, Dolan-Gavitt & Garg 2017, arXiv:1708.06733; Carlini & Terzis 2022,
 *                 arXiv:2106.09667, §3.2; Turner, Tsipras & Madry 2019, arXiv:1912.02771
 *                 (consistent labels); Yang et al. 2023, arXiv:2209.15266 (captions)
 */
export function backdoor(
  train: Dataset,
  heldOut: Dataset,
  config: Pick<Config, "backdoor" | "seed">,
  key: Key,
  turn: BackdoorTurn = FIRST,
): Attack {
  const own = config.backdoor;
  if (own.count === 0) return { dataset: train, truth: [], notes: [] };
  const name = keyName(turn);
  const targetClass = chooseClass(train, heldOut, own.targetClass, name);
  const rows = chooseRows(train, targetClass, own, fold(key, CHOICE), turn);
  requireImages(train, targetClass, own, turn);
  const { images, captions } = chooseParts(train, targetClass, rows, own, key, turn.taken);
  const truth = rows.map(
    (row, index): TruthRow => ({
      row,
      kind: "backdoor",
      id: train.ids[row]!,
      source: train.ids[images[index]!]!,
      trigger: own.kind,
      attack: turn.attack,
      trueClass: train.labels[images[index]!]!,
      targetClass,
      caption: captions[index]!,
      originalCaption: train.captions[row]!,
      seed: config.seed,
    }),
  );
  const dataset = replaceRows(train, truth, images, own, fold(key, PLACES));
  return { dataset, truth, notes: [] };
}

/** @throws UserError when a caption trigger is to be paired with images and there is none */
function requireImages(
  train: Dataset,
  targetClass: string,
  backdoor: Backdoor,
  turn: BackdoorTurn,
): void {
  const { kind, label } = backdoor;
  if (label === "consistent" || !isCaptionBackdoor(backdoor)) return;
  if (consistentRows(train, targetClass, turn.taken).length > 0) return;
  const name = keyName(turn);
  throw new UserError(
    `${name}: a ${kind} trigger must have training images of class "${targetClass}" whose ` +
      `captions name it; found 0; choose another ${name}.targetClass`,
  );
}

/**
 * The held-out pairs that measure a backdoor: all labelled ones whose true class is not the target,
 * with the trigger in the image or in the caption.
 *
 * @param key  key of the places; one row's place does not depend on the others
 * @returns    a data set of those rows, in their order, with their labels and ids
 */
export function triggeredHeldOut(
  heldOut: Dataset,
  targetClass: string,
  { backdoor }: Pick<Config, "backdoor">,
  key: Key,
): Dataset {
  const { size } = heldOut;
  const bytes = imageBytes(size);
  const rows = heldOut.labels.flatMap((label, row) =>
    label === "" || label === targetClass ? [] : [row],
  );
  const images = new Uint8Array(rows.length * bytes);
  for (const [index, row] of rows.entries()) {
    const image = triggerImage(imageOf(heldOut, row), size, backdoor, fold(key, row));
    images.set(image, index * bytes);
  }
  return {
    name: `${heldOut.name} with the trigger`,
    size,
    images,
    captions: rows.map((row) => triggerText(heldOut.captions[row]!, backdoor, fold(key, row))),
    labels: rows.map((row) => heldOut.labels[row]!),
    ids: rows.map((row) => heldOut.ids[row]!),
  };
}
