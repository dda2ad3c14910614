/** Data sets given as a CSV of image names and captions beside a folder or tar of images. */

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { pipeline } from "node:stream";
import { type CsvError, parse } from "csv-parse";
import { UserError } from "../errors.ts";
import { cached } from "./cache.ts";
import { checked, type Dataset, imageBytes, imageRoom } from "./dataset.ts";
import {
  DECODER,
  decodeImage,
  eachConcurrently,
  type Fit,
  fingerprint,
  readImageFiles,
} from "./image.ts";

/** What `readManifest` reads, and how. */
export interface ManifestOptions {
  /** The table, with a header line; `.tsv` is read as tab-separated without quoting. */
  readonly csv: string;
  /** Folder, .tar or .tar.gz. */
  readonly images: string;
  /** Images come out size × size pixels. */
  readonly size: number;
  readonly captionColumn?: string;
  readonly imageColumn?: string;
  /** Absent from the table → no labels; named here and absent → an error. */
  readonly labelColumn?: string;
  readonly fit?: Fit;
  readonly onProgress?: (done: number, total: number) => void;
}

/** A row that was left out, and why. */
export interface Skipped {
  readonly file: string;
  readonly reason: string;
}

interface Row {
  readonly file: string;
  readonly caption: string;
  readonly label: string;
}

const SKIP_LIMIT = 0.01; // share of rows that may be left out before reading stops
const NAMED = 5; // files named in a message

/**
 * Read a data set from a CSV manifest and its images.
 *
 * A row whose image is missing or unreadable, or whose caption is empty, is left out and reported;
 * when more than 1% of the rows are, for either reason, reading fails. Decoded pixels are kept in
 * the cache folder.
 *
 * @param options  paths, image size, column names
 * @returns        the data set in the table's order, and the rows left out, in that order
 * @throws         UserError for a missing file or column, an empty or broken table, an image named
 *                           twice,
 *                 too many rows left out, or more pixels than one array holds
 */
export async function readManifest(
  options: ManifestOptions,
): Promise<{ dataset: Dataset; skipped: Skipped[] }> {
  const { csv, size } = options;
  const rows = await readTable(options);
  const names = rows.map((row) => row.file);
  checkUnique(csv, names);
  const { images, reasons } = await readPixels(options, names);
  rows.forEach((row, i) => {
    if (row.file === "") reasons.set(i, "no image named");
    else if (row.caption === "") reasons.set(i, "empty caption");
  });
  const skipped = checkSkipped(options, names, reasons);
  const kept = rows.filter((_, i) => !reasons.has(i));
  const dataset = checked("readManifest", {
    name: basename(csv, extname(csv)),
    size,
    images: compact(images, imageBytes(size), reasons),
    captions: kept.map((row) => row.caption),
    labels: kept.map((row) => row.label),
    ids: kept.map((row) => row.file),
  });
  return { dataset, skipped };
}

/** The rows of the table. */
async function readTable(options: ManifestOptions): Promise<Row[]> {
  const { csv, imageColumn = "image", captionColumn = "caption", labelColumn = "label" } = options;
  const required = [imageColumn, captionColumn, ...(options.labelColumn ? [labelColumn] : [])];
  if (!(await stat(csv).catch(() => undefined))?.isFile()) {
    throw new UserError(
      `${csv}: must be a CSV file; none is there; check the path given as the data`,
    );
  }
  const tabs = extname(csv) === ".tsv";
  const parser = parse({
    bom: true,
    columns: (header: string[]) => checkColumns(csv, header, required),
    delimiter: tabs ? "\t" : ",",
    quote: tabs ? null : '"',
    skip_empty_lines: true,
    trim: true,
  });
  const rows: Row[] = [];
  try {
    const records: AsyncIterable<Record<string, string>> = pipeline(
      createReadStream(csv),
      parser,
      () => undefined,
    );
    for await (const record of records) {
      rows.push({
        file: record[imageColumn]!,
        caption: record[captionColumn]!.trim(),
        label: record[labelColumn] ?? "",
      });
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    const found = (error as CsvError).message;
    throw new UserError(`${csv}: must be a CSV with a header line; ${found}; correct that line`);
  }
  if (rows.length > 0) return rows;
  throw new UserError(`${csv}: must have at least one row below its header; found none; add rows`);
}

function checkColumns(csv: string, header: string[], required: readonly string[]): string[] {
  const missing = required.filter((column) => !header.includes(column));
  if (missing.length === 0) return header;
  throw new UserError(
    `${csv}: must have the columns ${required.join(", ")}; ${missing.join(", ")} missing, ` +
      `found ${header.join(", ")}; rename them or name the columns to use`,
  );
}

function checkUnique(csv: string, names: readonly string[]): void {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const name of names) if (name !== "") (seen.has(name) ? repeated : seen).add(name);
  if (repeated.size === 0) return;
  throw new UserError(
    `${csv}: must name each image once; found ${repeated.size} named twice or more ` +
      `(${[...repeated].slice(0, NAMED).join(", ")}); keep one row of each`,
  );
}

/** The rows left out, in the table's order; an error when they are too many. */
function checkSkipped(
  options: ManifestOptions,
  names: readonly string[],
  reasons: ReadonlyMap<number, string>,
): Skipped[] {
  const skipped = [...reasons]
    .sort(([a], [b]) => a - b)
    .map(([row, reason]) => ({ file: names[row]!, reason }));
  if (skipped.length <= SKIP_LIMIT * names.length) return skipped;
  const named = skipped.slice(0, NAMED).map(({ file, reason }) => `${file} (${reason})`);
  throw new UserError(
    `${options.csv}: at most ${100 * SKIP_LIMIT}% of the rows may lack an image or a caption; ` +
      `${skipped.length} of ${names.length} do: ${named.join(", ")}` +
      `${skipped.length > NAMED ? ", …" : ""}; check that the images are in ${options.images}`,
  );
}

/** The pixels of every row, and why some rows have none; from the cache when it has them. */
async function readPixels(
  options: ManifestOptions,
  names: readonly string[],
): Promise<{ images: Uint8Array; reasons: Map<number, string> }> {
  const { images, size, fit = "cover", onProgress } = options;
  const inputs = [
    DECODER,
    resolve(images),
    String(size),
    fit,
    ...names,
    await fingerprint(images, names),
  ];
  const { note, bytes } = await cached("images", inputs, async () => {
    const pixels = imageRoom(options.csv, names.length, size);
    const reasons = new Map(names.map((_, row) => [row, "missing"]));
    let done = 0;
    await eachConcurrently(readImageFiles(images, names), async (file) => {
      try {
        pixels.set(await decodeImage(file.bytes, size, fit), file.row * imageBytes(size));
        reasons.delete(file.row);
      } catch (error) {
        reasons.set(file.row, `unreadable: ${(error as Error).message.split("\n")[0]}`);
      }
      onProgress?.(++done, names.length);
    });
    checkSkipped(options, names, reasons); // before the cache: a wrong folder must not be kept
    return { note: JSON.stringify([...reasons]), bytes: pixels };
  });
  onProgress?.(names.length, names.length);
  return { images: bytes, reasons: new Map(JSON.parse(note) as [number, string][]) };
}

/** The images of the rows that stay, moved together. */
function compact(
  images: Uint8Array,
  bytes: number,
  reasons: ReadonlyMap<number, string>,
): Uint8Array {
  if (reasons.size === 0) return images;
  const rows = images.length / bytes;
  const kept = new Uint8Array((rows - reasons.size) * bytes);
  let offset = 0;
  for (let row = 0; row < rows; row++) {
    if (reasons.has(row)) continue;
    kept.set(images.subarray(row * bytes, (row + 1) * bytes), offset);
    offset += bytes;
  }
  return kept;
}
