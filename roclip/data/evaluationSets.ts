/** Data sets that models are measured on: what there is, whether it is all there, reading it. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { UserError } from "../errors.ts";
import { nearestName } from "../spelling.ts";
import { cached } from "./cache.ts";
import { imageBytes, imageRoom } from "./dataset.ts";
import { DECODER, eachConcurrently, fingerprint } from "./image.ts";
import { CIFAR } from "./sets/cifar.ts";
import { FOLDERS } from "./sets/folders.ts";
import { LISTS } from "./sets/lists.ts";
import { MATLAB } from "./sets/matlab.ts";
import type { EvaluationSet, Item, Prompts, Split } from "./sets/set.ts";

export type { EvaluationSet } from "./sets/set.ts";

/** Every set, by name. */
export const EVALUATION_SETS: readonly EvaluationSet[] = [
  ...[...CIFAR, ...FOLDERS, ...LISTS, ...MATLAB].sort((a, b) => (a.name < b.name ? -1 : 1)),
];

/** @throws UserError, with the nearest known name, when there is no such set */
export function evaluationSet(name: string): EvaluationSet {
  const set = EVALUATION_SETS.find((known) => known.name === name);
  if (set) return set;
  const known = EVALUATION_SETS.map((other) => other.name);
  throw new UserError(
    `"${name}": a data set must be one of ${known.join(", ")}; ` +
      `did you mean "${nearestName(name, known)}"?`,
  );
}

/** The set's own folder: the one given, or that of its archive within it. */
function rootOf({ needs, top }: EvaluationSet, folder: string): string {
  const has = (path: string) => needs.some((need) => existsSync(join(path, need)));
  return !has(folder) && has(join(folder, top)) ? join(folder, top) : folder;
}

/** The images of a set; what is wrong with its files, in the house form. */
async function listOf(set: EvaluationSet, root: string): Promise<Split<readonly Item[]>> {
  try {
    const split = await set.list(root);
    const { length } = (await set.prompts(root)).classes;
    for (const { file, label } of [...split.train, ...split.test])
      if (!(Number.isInteger(label) && label >= 0 && label < length))
        throw new Error(`${file} is of class ${label + 1}, of ${length}`);
    return split;
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      `${root}: ${set.title} must be as it is distributed; ${found}; unpack it again from ${set.origin}`,
      { cause },
    );
  }
}

/** What a look at a set's folder found. */
export interface SetCheck {
  readonly root: string;
  /** Files and folders that are not there; of images, those that the lists name. */
  readonly missing: readonly string[];
  /** Images of each side; undefined where the lists are missing. */
  readonly images: Split<number> | undefined;
  /** Classes without a test image. */
  readonly empty: readonly string[];
}

/** Look whether all of a set is there, without decoding it. */
export async function checkSet(set: EvaluationSet, folder: string): Promise<SetCheck> {
  const root = rootOf(set, folder);
  const absent = set.needs.filter((need) => !existsSync(join(root, need)));
  if (absent.length > 0) return { root, missing: absent, images: undefined, empty: [] };
  const { train, test } = await listOf(set, root);
  const files = new Set([...train, ...test].map(({ file }) => file));
  const missing = [...files].filter((file) => !existsSync(join(root, file)));
  const { classes } = await set.prompts(root);
  const tested = new Set(test.map(({ label }) => label));
  const empty = classes.filter((_, label) => !tested.has(label));
  return { root, missing, images: { train: train.length, test: test.length }, empty };
}

/** Labelled images, decoded. */
export interface Labelled {
  readonly size: number;
  /** u8[N, size, size, 3] */
  readonly images: Uint8Array;
  /** N classes, indices. */
  readonly labels: readonly number[];
}

/** An evaluation set, read. */
export interface ReadSet extends Split<Labelled>, Prompts {
  readonly name: string;
}

/** Pixels of all items; from the cache when it has them. */
async function decode(root: string, items: readonly Item[], size: number): Promise<Labelled> {
  const files = items.map(({ file }) => file);
  const names = [...new Set(files)];
  const key = [DECODER, resolve(root), String(size), ...files, await fingerprint(root, names)];
  const { bytes } = await cached("set", key, async () => {
    const pixels = imageRoom(root, items.length, size);
    await eachConcurrently(items.entries(), async ([row, item]) => {
      const image = await item.pixels(size).catch((cause: unknown) => {
        const found = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
        throw new UserError(
          `${join(root, item.file)}: must be an image that can be decoded; ${found}; get it again`,
        );
      });
      pixels.set(image, row * imageBytes(size));
    });
    return { note: "", bytes: pixels };
  });
  return { size, images: bytes, labels: items.map(({ label }) => label) };
}

/** The first `most` items of each class. */
function firstOfEach(items: readonly Item[], most: number): Item[] {
  const counts = new Map<number, number>();
  return items.filter(({ label }) => {
    const count = (counts.get(label) ?? 0) + 1;
    counts.set(label, count);
    return count <= most;
  });
}

/**
 * Read an evaluation set.
 *
 * @param folder  the set's own, or the one that its archives were unpacked in
 * @param size    images come out size × size pixels
 * @param most    training images of a class; the first ones
 * @throws        UserError naming what is missing, broken, or a class that has no test image
 */
export async function readSet(
  set: EvaluationSet,
  folder: string,
  size: number,
  most = Number.POSITIVE_INFINITY,
): Promise<ReadSet> {
  const root = await requireWhole(set, folder);
  const { train, test } = await listOf(set, root);
  const prompts = await set.prompts(root);
  return {
    name: set.name,
    ...prompts,
    train: await decode(root, firstOfEach(train, most), size),
    test: await decode(root, test, size),
  };
}

/**
 * The folder in which a set is whole.
 *
 * @throws  UserError naming what is missing
 */
export async function requireWhole(set: EvaluationSet, folder: string): Promise<string> {
  const { root, missing, empty } = await checkSet(set, folder);
  const what = missing.length > 0 ? missing : empty;
  if (what.length > 0)
    throw new UserError(
      `${root}: ${set.title} must be whole; ${what.length} ` +
        `${missing.length > 0 ? "files are missing" : "classes have no test image"} ` +
        `(${what.slice(0, 3).join(", ")}${what.length > 3 ? ", …" : ""}); ` +
        `see roclip data ${set.name} --check ${folder}`,
    );
  return root;
}
