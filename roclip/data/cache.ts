/**
 * Bytes that are slow to make, kept in the user's cache folder between runs.
 *
 * Decoding 40,000 photos takes over a minute on two slow cores and rasterising the emoji about 12
 * s; the pixels never change as long as their inputs don't. A file's name is a hash of everything
 * its content depends on, so nothing is ever stale; a folder that cannot be written only costs
 * time.
 */

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** Bytes and a short text about them. */
export interface Entry {
  readonly note: string;
  readonly bytes: Uint8Array;
}

const KEPT = 6; // files of one kind that stay; the least recently used beyond it are removed
const HEADER_BYTES = 8; // u32 length of the note, u32 length of the bytes

/** The cache folder: `$XDG_CACHE_HOME/roclip`, else `~/.cache/roclip`. */
function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "roclip");
}

/**
 * The entry made from `inputs`: read from the cache folder, or made and written there.
 *
 * @param kind    begins the file's name: lower-case letters
 * @param inputs  everything the bytes depend on
 * @param make    makes the entry; its errors pass through, and nothing is written then
 */
export async function cached(
  kind: string,
  inputs: readonly string[],
  make: () => Promise<Entry>,
): Promise<Entry> {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(`${input.length} `).update(input);
  const file = join(cacheFolder(), `${kind}-${hash.digest("hex").slice(0, 32)}.bin`);
  const found = await read(file);
  if (found) return found;
  const entry = await make();
  await write(kind, file, entry).catch(() => undefined);
  return entry;
}

/** The entry in `file`; undefined when there is none or it is not whole. */
async function read(file: string): Promise<Entry | undefined> {
  const content = await readFile(file).catch(() => undefined);
  if (!content || content.length < HEADER_BYTES) return undefined;
  const start = HEADER_BYTES + content.readUInt32LE(0);
  if (content.length !== start + content.readUInt32LE(4)) return undefined;
  const now = new Date();
  await utimes(file, now, now).catch(() => undefined);
  return {
    note: content.toString("utf8", HEADER_BYTES, start),
    bytes: new Uint8Array(content.buffer, content.byteOffset + start, content.length - start),
  };
}

/** Write atomically (a reader sees the whole file or none), then remove what is beyond `KEPT`. */
async function write(kind: string, file: string, { note, bytes }: Entry): Promise<void> {
  const text = Buffer.from(note, "utf8");
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(text.length, 0);
  header.writeUInt32LE(bytes.length, 4);
  const folder = cacheFolder();
  await mkdir(folder, { recursive: true });
  const draft = `${file}.${process.pid}.draft`;
  try {
    await writeFile(draft, [header, text, bytes]);
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
  const names = (await readdir(folder)).filter((name) => name.startsWith(`${kind}-`));
  const files = await Promise.all(
    names.map(async (name) => ({ name, usedMs: (await stat(join(folder, name))).mtimeMs })),
  );
  files.sort((a, b) => b.usedMs - a.usedMs);
  await Promise.all(files.slice(KEPT).map(({ name }) => rm(join(folder, name), { force: true })));
}
