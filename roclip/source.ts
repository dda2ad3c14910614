/** Where a run's data comes from, and reading it: the emoji, or a table with a folder of images. */
import { z } from "zod";
import { fold, keyOf, stream } from "../engine/index.ts";
import { type Dataset, type LabelNames, subset } from "./data/dataset.ts";
import { EMOJI_STYLES, type EmojiStyle, readEmoji } from "./data/emoji.ts";
import { LABEL_NAMES, readNames } from "./data/labelNames.ts";
import { readManifest, type Skipped } from "./data/manifest.ts";
import { UserError } from "./errors.ts";

/** The emoji from npm packages, one drawing style held out. */
export interface EmojiSource {
  readonly kind: "emoji";
  readonly heldOut?: EmojiStyle;
}

/** CSV tables and their images. */
export interface ManifestSource {
  readonly kind: "manifest";
  /** Training table. */
  readonly data: string;
  /** Folder, .tar or .tar.gz with the images of both tables. */
  readonly images: string;
  /** Held-out table; without it a share of the training captions is held out. */
  readonly test?: string;
  readonly imageColumn?: string;
  readonly captionColumn?: string;
  readonly labelColumn?: string;
  /** What captions call the labels, or a JSON file that says so; see readNames. */
  readonly classNames?: string | LabelNames;
  /** A label is a zero-shot class when this many training rows have it. */
  readonly minClass: number;
  /** Zero-shot prompts; `{}` stands for each name of the class. */
  readonly prompts: readonly string[];
}

export type Source = EmojiSource | ManifestSource;

/** A source as checkpoints hold it. */
export const SOURCE = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("emoji"), heldOut: z.exactOptional(z.enum(EMOJI_STYLES)) }),
  z.object({
    kind: z.literal("manifest"),
    data: z.string(),
    images: z.string(),
    test: z.exactOptional(z.string()),
    imageColumn: z.exactOptional(z.string()),
    captionColumn: z.exactOptional(z.string()),
    labelColumn: z.exactOptional(z.string()),
    classNames: z.exactOptional(z.union([z.string(), LABEL_NAMES])),
    minClass: z.int().min(1),
    prompts: z.array(z.string()),
  }),
]) satisfies z.ZodType<Source>;

/** Data to train and to measure on. */
export interface SourceData {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly classes: readonly string[];
  readonly prompts: readonly string[];
  readonly skipped: readonly Skipped[];
}

const HELD_OUT_SHARE = 0.05; // of the captions, when no test table is given
const MOST_LISTED = 10; // classes named in one message
const HOLD_KEY = 0x686f6c64; // "hold"

/** Split by caption, so that none is on both sides. */
function holdOut(dataset: Dataset, seed: number): { train: Dataset; test: Dataset } {
  const captions = [...new Set(dataset.captions)];
  const order = stream(fold(keyOf(seed), HOLD_KEY)).permutation(captions.length);
  const held = order.slice(0, Math.ceil(captions.length * HELD_OUT_SHARE));
  const chosen = new Set(Array.from(held, (i) => captions[i]!));
  const rows = dataset.captions.map((caption, row) => ({ row, out: chosen.has(caption) }));
  const side = (out: boolean) =>
    subset(
      dataset,
      rows.filter((r) => r.out === out).map(({ row }) => row),
    );
  return { train: side(false), test: side(true) };
}

/** The labels that enough rows have, in code-point order. */
function frequentLabels(labels: readonly string[], least: number): string[] {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts]
    .filter(([label, count]) => label !== "" && count >= least)
    .map(([label]) => label)
    .sort();
}

/** Classes that no held-out image is of: they can have no part in any accuracy. */
export function unseenClasses({ test, classes }: Pick<SourceData, "test" | "classes">): string[] {
  const seen = new Set(test.labels);
  return classes.filter((name) => !seen.has(name));
}

/** @throws UserError unless a held-out table has an image of every class */
function requireSeen(path: string, data: Pick<SourceData, "test" | "classes">): void {
  const unseen = unseenClasses(data);
  if (unseen.length === 0) return;
  const rest = unseen.length > MOST_LISTED ? ", …" : "";
  throw new UserError(
    `${path}: every class must have a labelled held-out image; ${unseen.length} of ` +
      `${data.classes.length} have none (${unseen.slice(0, MOST_LISTED).join(", ")}${rest}); ` +
      "add images of them, or choose a larger --min-class",
  );
}

async function readTables(
  source: ManifestSource,
  size: number,
  seed: number,
  onProgress?: (done: number, total: number) => void,
): Promise<SourceData> {
  const { data, images, test, minClass, prompts } = source;
  const columns = Object.fromEntries(
    (["imageColumn", "captionColumn", "labelColumn"] as const).flatMap((name) =>
      source[name] === undefined ? [] : [[name, source[name]]],
    ),
  );
  const read = (csv: string) =>
    readManifest({ csv, images, size, ...columns, ...(onProgress && { onProgress }) });
  const first = await read(data);
  const second = test === undefined ? undefined : await read(test);
  const split = second
    ? { train: first.dataset, test: second.dataset }
    : holdOut(first.dataset, seed);
  const names = source.classNames === undefined ? {} : readNames(source.classNames, split.train);
  const classes = frequentLabels(split.train.labels, minClass);
  if (classes.length < 2)
    throw new UserError(
      `${data}: zero-shot evaluation must have at least two classes; ` +
        `${classes.length} labels have ${minClass} training rows; ` +
        "name the column with --label-column, or choose a smaller --min-class",
    );
  const known = new Set(classes);
  const labels = split.test.labels.map((label) => (known.has(label) ? label : ""));
  const skipped = [...first.skipped, ...(second?.skipped ?? [])];
  const train = { ...split.train, names };
  const made = { train, test: { ...split.test, names, labels }, classes, prompts, skipped };
  if (test !== undefined) requireSeen(test, made);
  return made;
}

/**
 * Read a run's data.
 *
 * @param size  images come out size × size pixels
 * @param seed  of the split, where there is no test table
 */
export async function readSource(
  source: Source,
  size: number,
  seed: number,
  onProgress?: (done: number, total: number) => void,
): Promise<SourceData> {
  if (source.kind === "manifest") return readTables(source, size, seed, onProgress);
  const { heldOut } = source;
  const emoji = await readEmoji({
    size,
    ...(heldOut && { heldOut }),
    ...(onProgress && { onProgress }),
  });
  return { ...emoji, skipped: [] };
}
