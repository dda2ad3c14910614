/** What an evaluation set is: labelled images for training and testing, classes, prompts. */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeImage } from "../image.ts";

/** One labelled image, not yet decoded. */
export interface Item {
  /** The file that it is in, below the set's folder. */
  readonly file: string;
  /** Class, an index into the set's. */
  readonly label: number;
  /** u8[size, size, 3] */
  readonly pixels: (size: number) => Promise<Uint8Array>;
}

/** The two sides of an evaluation set: a probe learns from `train`; `test` is measured. */
export interface Split<T> {
  readonly train: T;
  readonly test: T;
}

/** Names of classes and prompts, as CLIP was evaluated with. */
export interface Prompts {
  readonly classes: readonly string[];
  /** `{}` stands for the class. */
  readonly templates: readonly string[];
  /** Names of folders, class by class, where they are not the classes' with `_` for spaces. */
  readonly folders?: readonly string[];
}

/** A data set that models are measured on, in the form it is distributed in. */
export interface EvaluationSet {
  readonly name: string;
  readonly title: string;
  /** Where it is had from, and what to unpack. */
  readonly origin: string;
  /** The folder that its archives unpack to; it may be given itself, or the one it lies in. */
  readonly top: string;
  /** Files and folders that must be there, below that folder. */
  readonly needs: readonly string[];
  /** How it is split, where that is not said by its own files. */
  readonly splitting?: string;
  /** Names and prompts; of a folder of anyone's own, the folder says the names. */
  readonly prompts: (folder: string) => Promise<Prompts> | Prompts;
  readonly list: (folder: string) => Promise<Split<readonly Item[]>>;
}

const PROMPTS = new URL("./prompts.json", import.meta.url);

/**
 * The names and prompts of a set.
 *
 * @see  Radford et al. 2021, arXiv:2103.00020, §3.1.4; openai/CLIP at d05afc43, data/prompts.md
 */
export function promptsOf(name: string): Prompts {
  return (JSON.parse(readFileSync(PROMPTS, "utf8")) as Record<string, Prompts>)[name]!;
}

/** An image that is a file of its own. */
export function imageFile(folder: string, file: string, label: number): Item {
  const pixels = async (size: number) =>
    decodeImage(await readFile(join(folder, file)), size, "cover");
  return { file, label, pixels };
}

/** The lines of a text file, without those that are empty. */
export async function linesOf(path: string): Promise<string[]> {
  const lines = (await readFile(path, "utf8")).split(/\r?\n/);
  return lines.map((line) => line.trim()).filter((line) => line !== "");
}

/**
 * The class of each folder's name.
 *
 * @returns  a function that throws, naming `where`, for a name that is no class
 */
export function labelOf({ classes, folders }: Prompts): (name: string, where: string) => number {
  const names = folders ?? classes.map((name) => name.replaceAll(" ", "_"));
  const index = new Map(names.map((name, label) => [name, label]));
  return (name, where) => {
    const label = index.get(name);
    if (label !== undefined) return label;
    throw new Error(`${where} names the class "${name}", which the set does not have`);
  };
}
