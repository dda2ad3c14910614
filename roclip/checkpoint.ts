/** The whole state of a run in one file, written so that it is there whole or not at all. */
import { randomUUID } from "node:crypto";
import { open, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type HostArray, leaves } from "../engine/index.ts";
import { shown, UserError } from "./errors.ts";
import {
  STATE_DTYPES,
  type StoredTensor,
  safetensorsParts,
  type TensorSpec,
  type TensorSpecs,
} from "./safetensors.ts";
import { withSafetensors } from "./safetensorsFile.ts";

/** Any value JSON can hold. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** Every array of a run's state by name, and what else is needed to go on. */
export interface Checkpoint {
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  readonly metadata: Json;
}

const METADATA_KEY = "roclip"; // where our JSON stands among the file's metadata texts

/** What a file is written of: bytes, or parts that follow each other. */
type Content = Uint8Array | readonly Uint8Array[];

/** Write `content` to `path` and wait until the disk has it. */
async function writeThrough(path: string, content: Content): Promise<void> {
  const file = await open(path, "wx");
  try {
    await writeFile(file, content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Wait until the disk has the names in `directory`. Windows cannot, and need not. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Write a file whole or not at all: to a temporary name in the same folder, then renamed over
 * `path`. A reader, or a run that is killed, sees the old file or the new one.
 */
export async function writeAtomically(path: string, content: Content): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeThrough(temporary, content);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
  await syncDirectory(dirname(path));
}

/** Write a checkpoint atomically, as safetensors, from where its arrays are: none is copied. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const metadata = { [METADATA_KEY]: JSON.stringify(checkpoint.metadata) };
  await writeAtomically(path, safetensorsParts({ tensors: checkpoint.tensors, metadata }));
}

/** The JSON that a checkpoint's metadata hold. */
function parseMetadata(text: string | undefined, path: string): Json {
  try {
    return JSON.parse(text ?? "") as Json;
  } catch (cause) {
    throw new UserError(
      `${path}: must hold JSON under metadata "${METADATA_KEY}"; found ` +
        `${text === undefined ? "no such key" : shown(text)}; give a file that roclip train wrote`,
      { cause },
    );
  }
}

/**
 * Read a checkpoint, a tensor at a time.
 *
 * @param accept  judges what the file says it holds, before any of its data is read; what it makes
 *                of the metadata is returned
 * @param chunk   bytes of one read, at most
 * @throws        UserError when there is no such file, or it is not a checkpoint of ours; what
 *                `accept` throws
 */
export async function readCheckpoint<T>(
  path: string,
  accept: (metadata: Json, specs: TensorSpecs) => T,
  chunk?: number,
): Promise<{ readonly tensors: Checkpoint["tensors"]; readonly metadata: T }> {
  return withSafetensors(
    path,
    STATE_DTYPES,
    async ({ metadata: texts, specs, tensors }) => {
      const metadata = accept(parseMetadata(texts[METADATA_KEY], path), specs);
      return { metadata, tensors: await tensors() };
    },
    chunk,
  );
}

/** What each array of a state is, by path; data that is made when it is read is not made. */
export function specsOf(state: unknown): TensorSpecs {
  const specs = leaves<HostArray>(state).map(([path, leaf]) => {
    const dtype = leaf.dtype ?? (leaf.data instanceof Float32Array ? "f32" : "u32");
    return [path, { dtype, shape: leaf.shape }];
  });
  return Object.fromEntries(specs);
}

/** A spec as errors show it. */
function specText(spec: TensorSpec | undefined): string {
  return spec ? `${spec.dtype}[${spec.shape.join(", ")}]` : "absent";
}

/**
 * Check that a checkpoint is of this model.
 *
 * @param specs     what the file holds
 * @param expected  what the model needs
 * @param where     what to call the file in an error: its path
 * @throws          UserError naming the first tensor that differs, as the model has it and as the
 *                  file has it
 */
export function requireTensors(specs: TensorSpecs, expected: TensorSpecs, where: string): void {
  const names = new Set([...Object.keys(expected), ...Object.keys(specs)]);
  for (const name of names) {
    const wanted = Object.hasOwn(expected, name) ? expected[name] : undefined;
    const found = Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (specText(wanted) === specText(found)) continue;
    throw new UserError(
      `${where}: must be a checkpoint of this model; found ${shown(name)} ${specText(found)} ` +
        `where the model has ${specText(wanted)}; use the configuration it was trained with`,
    );
  }
}
