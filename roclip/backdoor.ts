import { fold, type Key, stream } from "../engine/random.ts";
import { classNames, mentions, rowsMentioning, variedFirst } from "./classes.ts";
import type { Config } from "./config.ts";
import type { Dataset } from "./data/dataset.ts";
import { UserError } from "./errors.ts";
import { nearestName } from "./spelling.ts";
import type { Attack, TruthRow } from "./truth.ts";

// Folds of the attack's key.
const CHOICE = 0;
const CAPTIONS = 1;
const PLACES = 2;

const LEAST_PATCH = 2; // pixels: a checkerboard needs two cells a side
const CELLS = 4; // cells a side where the patch is wide enough; ours, no source gives a number

/** Side of the trigger in pixels: `patch` of the image side, rounded, and at least 2. */
export function patchPixels(size: number, patch: number): number {
  return Math.min(size, Math.max(LEAST_PATCH, Math.round(patch * size)));
}

/**
 * An image with the trigger on it: a black and white checkerboard at a random place, wholly inside.
 *
 * @param image  u8[size, size, 3]; left as it is
 * @param size   image side in pixels
 * @param patch  side of the trigger as a share of the image side; see patchPixels
 * @param key    key of the place
 * @returns      u8[size, size, 3]
 * @see          Gu, Dolan-Gavitt & Garg 2017, arXiv:1708.06733 (pattern backdoor)
 */
export function applyTrigger(image: Uint8Array, size: number, patch: number, key: Key): Uint8Array {
  const side = patchPixels(size, patch);
  const cell = Math.max(1, Math.floor(side / CELLS));
  const { below } = stream(key);
  const left = below(size - side + 1);
  const top = below(size - side + 1);
  const triggered = new Uint8Array(image); // not slice(): that of a Node Buffer shares its memory
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const white = (Math.floor(x / cell) + Math.floor(y / cell)) % 2 === 0;
      const at = ((top + y) * size + left + x) * 3;
      triggered.fill(white ? 255 : 0, at, at + 3);
    }
  }
  return triggered;
}

/** The class the trigger leads to: the one asked for, or the one named by the most captions. */
function chooseClass(train: Dataset, heldOut: Dataset, asked: string): string {
  const classes = classNames(heldOut);
  if (asked !== "" && !classes.includes(asked)) {
    throw new UserError(
      `backdoor: backdoor.targetClass must be a held-out class; found "${asked}"; ` +
        (classes.length === 0 ? "label it" : `did you mean "${nearestName(asked, classes)}"?`),
    );
  }
  const counted = (asked === "" ? classes : [asked]).map((name) => ({
    name,
    count: rowsMentioning(train.captions, name).length,
  }));
  const [most] = counted.sort((a, b) => b.count - a.count); // stable: the first name of equals
  if (!most || most.count === 0) {
    throw new UserError(
      `backdoor: at least 1 training caption must name the target class; found 0 for ` +
        `${asked === "" ? `any of ${classes.length} classes` : `"${asked}"`}; ` +
        "choose another backdoor.targetClass or add captions",
    );
  }
  return most.name;
}

/** The training rows to put the trigger on: neither labelled as the target class nor naming it. */
function chooseRows(train: Dataset, targetClass: string, count: number, key: Key): number[] {
  const named = mentions(targetClass);
  const others = train.captions.flatMap((caption, row) =>
    train.labels[row] === targetClass || named(caption) ? [] : [row],
  );
  if (others.length < count) {
    throw new UserError(
      `backdoor: backdoor.count must be at most the training images not of class ` +
        `"${targetClass}"; found ${count} and ${others.length}; lower backdoor.count`,
    );
  }
  const order = stream(key).permutation(others.length).subarray(0, count);
  return Array.from(order, (index) => others[index]!).sort((a, b) => a - b);
}

/** `count` captions of the target class, each different one used equally often, in random order. */
function chooseCaptions(train: Dataset, targetClass: string, count: number, key: Key): string[] {
  const rows = rowsMentioning(train.captions, targetClass);
  const shuffled = Array.from(stream(key).permutation(rows.length), (at) => rows[at]!);
  const different = new Set(rows.map((row) => train.captions[row]!)).size;
  const varied = variedFirst(shuffled, train.captions).slice(0, different);
  return Array.from({ length: count }, (_, index) => train.captions[varied[index % different]!]!);
}

/** The data with the trigger and the adversarial caption on each row of `truth`. */
function replaceRows(
  train: Dataset,
  truth: readonly TruthRow[],
  config: Pick<Config, "backdoor">,
  key: Key,
): Dataset {
  const bytes = train.size * train.size * 3;
  const images = new Uint8Array(train.images);
  const captions = [...train.captions];
  for (const { row, caption } of truth) {
    const image = train.images.subarray(row * bytes, (row + 1) * bytes);
    images.set(applyTrigger(image, train.size, config.backdoor.patch, fold(key, row)), row * bytes);
    captions[row] = caption;
  }
  return { ...train, images, captions };
}

/**
 * Backdoor with a visible patch and a dirty label: put the trigger on training images that are not
 * of the target class, and replace their captions by captions of the target class.
 *
 * Rows keep their place, id and label. Captions are drawn among the training captions that contain
 * the target class as a whole word; when there are fewer different ones than rows, they are used in
 * turn.
 *
 * @param train    data to attack; left as it is
 * @param heldOut  data whose labels are the class names
 * @param config   backdoor and seed decide; `count` 0 returns the data unchanged
 * @param key      key of the draws
 * @returns        the data with `count` rows replaced, and the truth of each
 * @throws         UserError when the class is unknown, no caption names it, or images are too few
 * @see            Gu, Dolan-Gavitt & Garg 2017, arXiv:1708.06733; Carlini & Terzis 2022,
 *                 arXiv:2106.09667, §3.2
 */
export function backdoor(
  train: Dataset,
  heldOut: Dataset,
  config: Pick<Config, "backdoor" | "seed">,
  key: Key,
): Attack {
  const { count, targetClass: asked } = config.backdoor;
  if (count === 0) return { dataset: train, truth: [], notes: [] };
  const targetClass = chooseClass(train, heldOut, asked);
  const rows = chooseRows(train, targetClass, count, fold(key, CHOICE));
  const captions = chooseCaptions(train, targetClass, count, fold(key, CAPTIONS));
  const truth = rows.map(
    (row, index): TruthRow => ({
      row,
      kind: "backdoor",
      id: train.ids[row]!,
      source: train.ids[row]!,
      trueClass: train.labels[row]!,
      targetClass,
      caption: captions[index]!,
      originalCaption: train.captions[row]!,
      seed: config.seed,
    }),
  );
  return { dataset: replaceRows(train, truth, config, fold(key, PLACES)), truth, notes: [] };
}

/**
 * The held-out images that measure the backdoor: all labelled ones whose true class is not the
 * target, with the trigger on.
 *
 * @param key  key of the places; one image's place does not depend on the others
 * @returns    a data set of those images, in their order, with their captions, labels and ids
 */
export function triggeredHeldOut(
  heldOut: Dataset,
  targetClass: string,
  config: Pick<Config, "backdoor">,
  key: Key,
): Dataset {
  const { size } = heldOut;
  const bytes = size * size * 3;
  const rows = heldOut.labels.flatMap((label, row) =>
    label === "" || label === targetClass ? [] : [row],
  );
  const images = new Uint8Array(rows.length * bytes);
  for (const [index, row] of rows.entries()) {
    const image = heldOut.images.subarray(row * bytes, (row + 1) * bytes);
    images.set(applyTrigger(image, size, config.backdoor.patch, fold(key, row)), index * bytes);
  }
  return {
    name: `${heldOut.name} with the trigger`,
    size,
    images,
    captions: rows.map((row) => heldOut.captions[row]!),
    labels: rows.map((row) => heldOut.labels[row]!),
    ids: rows.map((row) => heldOut.ids[row]!),
  };
}
