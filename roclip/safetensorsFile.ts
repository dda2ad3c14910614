/** Safetensors on disk, read a tensor at a time: a file may be larger than any one array. */
import { type FileHandle, open } from "node:fs/promises";
import { UserError } from "./errors.ts";
import {
  dataStart,
  PREFIX,
  parseHeader,
  type StoredDtype,
  type StoredTensor,
  type TensorSpecs,
  tensorOf,
} from "./safetensors.ts";

/** A file whose header has been read and checked, and whose data has not been read. */
export interface OpenSafetensors<D extends StoredDtype> {
  readonly specs: TensorSpecs<D>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Read the data, each tensor into an array of its own. */
  tensors(): Promise<Readonly<Record<string, StoredTensor<D>>>>;
}

const CHUNK = 2 ** 30; // bytes of one read; Linux gives no more than 2 GiB − 4 KiB at once

/** The error of a file that the system does not read. */
function unreadable(path: string, cause: unknown): UserError {
  const found = cause instanceof Error ? cause.message : String(cause);
  return new UserError(
    `${path}: must be a readable safetensors file; found ${found}; check the path`,
    { cause },
  );
}

/** Bytes `begin` to `end` of a file. */
async function readBytes(file: FileHandle, begin: number, end: number, chunk: number) {
  const bytes = new Uint8Array(end - begin);
  for (let done = 0; done < bytes.length; ) {
    const most = Math.min(chunk, bytes.length - done);
    const { bytesRead } = await file.read(bytes, done, most, begin + done);
    if (bytesRead === 0) throw new Error(`its end at byte ${begin + done} of ${end}`);
    done += bytesRead;
  }
  return bytes;
}

/**
 * Open a file, and close it when `use` is done with it.
 *
 * @param dtypes  element types to take
 * @param use     may refuse what the header says before any memory is taken for data
 * @param chunk   bytes of one read, at most
 * @throws        UserError when the file cannot be read, or is no safetensors
 */
export async function withSafetensors<D extends StoredDtype, T>(
  path: string,
  dtypes: readonly D[],
  use: (file: OpenSafetensors<D>) => Promise<T>,
  chunk = CHUNK,
): Promise<T> {
  const refuse = (cause: unknown) => {
    throw unreadable(path, cause);
  };
  const file = await open(path).catch(refuse);
  try {
    const { size } = await file.stat();
    const read = (begin: number, end: number) => readBytes(file, begin, end, chunk).catch(refuse);
    const start = dataStart(await read(0, Math.min(PREFIX, size)), size, path);
    const header = parseHeader(await read(PREFIX, start), size - start, path, dtypes);
    const specs = header.entries.map(({ name, dtype, shape }) => [name, { dtype, shape }]);
    return await use({
      specs: Object.fromEntries(specs),
      metadata: header.metadata,
      async tensors() {
        const found: [string, StoredTensor<D>][] = [];
        for (const entry of header.entries) {
          const { buffer } = await read(start + entry.begin, start + entry.end);
          found.push([entry.name, tensorOf(entry, buffer)]);
        }
        return Object.fromEntries(found);
      },
    });
  } finally {
    await file.close();
  }
}
