/** Image files to pixels: where they are read from (folder or tar), and how they are decoded. */

import { createReadStream } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { isAbsolute, join, normalize } from "node:path";
import { pipeline } from "node:stream";
import { ReadableStream } from "node:stream/web";
import { createGunzip } from "node:zlib";
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";
import sharp from "sharp";
import { UserError } from "../errors.ts";

/** How an image that is not square becomes square: cut at the long side, or padded with white. */
export type Fit = "cover" | "contain";

/** A file that a row of a data set names. */
export interface ImageFile {
  readonly row: number;
  readonly bytes: Uint8Array;
}

// Pixels; a larger claim in a header is taken for a decompression bomb
const PIXEL_LIMIT = 100_000_000;
const IN_FLIGHT = 8; // decodes at a time: enough for libuv's four threads, few enough for memory
const WHITE = "#ffffff";

const RECIPE = 1; // raise it when this program makes other pixels of the same file: see DECODER

/** What pixels depend on besides their file: part of every cache key. */
export const DECODER = `recipe ${RECIPE}, sharp ${sharp.versions.sharp}, vips ${sharp.versions.vips}`;

/**
 * Decode one image as CLIP preprocesses it: bicubic, the short side to `size`, the centre cut out.
 * Transparency is laid on white; colours are sRGB; EXIF orientation is not applied (nor is it
 * there).
 *
 * Both sides shrink by one factor, and the square is in the middle to half a pixel of the result.
 * There torchvision's rounds the long side down and the margin to even: its square is up to 1.25
 * pixels of the result from ours, and the same where the margin needs no rounding.
 *
 * @param bytes  a JPEG, PNG, WebP, GIF, AVIF, TIFF or SVG file
 * @param size   of the result; pixels
 * @param fit    cut the long side ("cover", CLIP's) or pad the short one with white ("contain")
 * @returns      u8[size, size, 3]
 * @throws       whatever the decoder says: a truncated file is an error, not half an image
 * @see          Radford et al. 2021, arXiv:2103.00020; `_transform` in openai/CLIP at d05afc43
 */
export async function decodeImage(bytes: Uint8Array, size: number, fit: Fit): Promise<Uint8Array> {
  return sharp(bytes, { limitInputPixels: PIXEL_LIMIT })
    .resize(size, size, { fit, kernel: "cubic", background: WHITE })
    .flatten({ background: WHITE })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer();
}

/**
 * Run `task` on every item, a bounded number at a time.
 *
 * @throws  the first error of `items` or `task`, once the tasks under way have ended
 */
export async function eachConcurrently<T>(
  items: AsyncIterable<T> | Iterable<T>,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  try {
    for await (const item of items) {
      const run = task(item).finally(() => running.delete(run));
      running.add(run);
      if (running.size >= IN_FLIGHT) await Promise.race(running);
    }
    await Promise.all(running);
  } finally {
    await Promise.allSettled(running);
  }
}

/**
 * A text that changes when the files do: names, sizes and times of change, not contents.
 *
 * @throws  UserError when `images` does not exist
 */
export async function fingerprint(images: string, names: readonly string[]): Promise<string> {
  const of = async (path: string) => {
    const found = await stat(path).catch(() => undefined);
    return found ? `${found.size} ${found.mtimeMs}` : "missing";
  };
  if (!(await isFolder(images))) return of(images);
  const texts = new Array<string>(names.length);
  await eachConcurrently(names.entries(), async ([row, name]) => {
    texts[row] = await of(join(images, name));
  });
  return texts.join("\n");
}

/**
 * The files that `names` name, in whatever order they come; those that are missing do not come.
 *
 * In a folder a name is a path below it. In a tar or tar.gz it is an entry's path or the end of
 * one, so that `00001.jpg` finds `photos/00001.jpg`.
 *
 * @param images  folder or archive
 * @param names   one for each row, none twice
 * @throws        UserError when `images` does not exist or is neither, or a name fits two entries
 */
export async function* readImageFiles(
  images: string,
  names: readonly string[],
): AsyncGenerator<ImageFile> {
  if (await isFolder(images)) {
    for (const [row, name] of names.entries()) {
      const path = normalize(name);
      if (isAbsolute(path) || path.startsWith("..")) continue;
      const bytes = await readFile(join(images, path)).catch(() => undefined);
      if (bytes) yield { row, bytes };
    }
    return;
  }
  const rowOf = new Map(names.map((name, row) => [name.replace(/^\.\//, ""), row]));
  const seen = new Map<number, string>();
  for await (const entry of tarEntries(images)) {
    // Read even if unwanted: with modern-tar 0.8.6 the stream can stall for good after a body is
    // cancelled.
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry.body) chunks.push(chunk);
    const row = matchSuffix(entry.header.name, rowOf);
    if (row === undefined || (entry.header.type ?? "file") !== "file") continue;
    const other = seen.get(row);
    if (other !== undefined) {
      throw new UserError(
        `images: a name must fit one entry of the archive; ${names[row]} fits ${other} and ` +
          `${entry.header.name}; write the longer path in the CSV`,
      );
    }
    seen.set(row, entry.header.name);
    yield { row, bytes: Buffer.concat(chunks) };
  }
}

/** The row of the longest end of `path` that is a key of `rowOf`. */
function matchSuffix(path: string, rowOf: ReadonlyMap<string, number>): number | undefined {
  let rest = path.replace(/^\.\//, "");
  for (;;) {
    const row = rowOf.get(rest);
    if (row !== undefined) return row;
    const slash = rest.indexOf("/");
    if (slash < 0) return undefined;
    rest = rest.slice(slash + 1);
  }
}

/** The entries of a tar or tar.gz file, streamed. */
async function* tarEntries(archive: string): AsyncGenerator<ParsedTarEntry> {
  const broken = (reason: string) =>
    new UserError(
      `images: must be a folder or a tar or tar.gz file; ${archive} ${reason}; give the folder or a whole archive`,
    );
  const file = createReadStream(archive);
  const bytes = (await isGzip(archive)) ? pipeline(file, createGunzip(), () => undefined) : file;
  let entries = 0;
  try {
    const decoder = createTarDecoder({ strict: true });
    for await (const entry of ReadableStream.from<Uint8Array>(bytes).pipeThrough(decoder)) {
      entries++;
      yield entry;
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw broken(`cannot be read (${(error as Error).message})`);
  } finally {
    file.destroy();
  }
  if (entries === 0) throw broken("has no entries");
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found) return found.isDirectory();
  throw new UserError(
    `images: must be a folder or a tar or tar.gz file; ${path} does not exist; check the path`,
  );
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]); // RFC 1952, §2.3.1

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer.equals(GZIP_MAGIC);
  } finally {
    await file.close();
  }
}
