/**
 * The safetensors format: header length (u64), JSON header, data, little-endian. Of its element
 * types those that our states (f32, u32) and checkpoints of others (f16, i64) have.
 *
 * @see github.com/huggingface/safetensors, README "Format"
 */
import { shown, UserError } from "./errors.ts";

/** What the elements of a stored tensor are kept in; halves as their 16 bits (half.ts). */
interface Arrays {
  readonly f32: Float32Array;
  readonly u32: Uint32Array;
  readonly f16: Uint16Array;
  readonly i64: BigInt64Array;
}
type StoredDtype = keyof Arrays;
/** The element types of our states. */
const STATE_DTYPES = ["f32", "u32"] as const;
type StateDtype = (typeof STATE_DTYPES)[number];

/** A named array of a file. */
export type StoredTensor<D extends StoredDtype = StateDtype> = {
  [K in D]: { readonly dtype: K; readonly shape: readonly number[]; readonly data: Arrays[K] };
}[D];

/** Named arrays and named texts. */
export interface SafetensorsFile<D extends StoredDtype = StateDtype> {
  readonly tensors: Readonly<Record<string, StoredTensor<D>>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const PREFIX = 8; // bytes of the header's length
const ALIGNMENT = 8; // bytes; the header is padded with spaces so that the data starts aligned
// Bytes. A checkpoint's header with CLIP's merges takes 2 MB, each epoch's results 0.6 kB more;
// a hostile one may take 25 times as much memory, which the reference reader's 100 MB would allow.
const MAX_HEADER = 8_000_000;
const METADATA = "__metadata__";
const BYTES = { f32: 4, u32: 4, f16: 2, i64: 8 } as const; // of an element

/** Elements of a shape. */
function elements(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/**
 * The bytes of a file with these tensors: those of wide elements first, so that all are aligned,
 * in this order otherwise.
 *
 * @throws  Error when a tensor's data does not fill its shape, or one is named "__metadata__"
 */
export function encodeSafetensors({ tensors, metadata }: SafetensorsFile<StoredDtype>): Uint8Array {
  const entries: [string, unknown][] = [[METADATA, metadata]];
  const ordered = Object.entries(tensors).toSorted(
    ([, a], [, b]) => BYTES[b.dtype] - BYTES[a.dtype],
  );
  let end = 0;
  for (const [name, { dtype, shape, data }] of ordered) {
    if (data.length !== elements(shape) || name === METADATA) {
      throw new Error(
        `encodeSafetensors: "${name}" must hold as many numbers as its shape; ` +
          `found ${data.length} for [${shape.join(", ")}]; give the whole tensor`,
      );
    }
    const offsets = [end, end + data.byteLength];
    entries.push([name, { dtype: dtype.toUpperCase(), shape, data_offsets: offsets }]);
    end += data.byteLength;
  }
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const start = Math.ceil((PREFIX + header.length) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(start + end).fill(0x20, 0, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - PREFIX), true);
  bytes.set(header, PREFIX);
  let at = start;
  for (const [, { data }] of ordered) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/** One entry of a header that has been checked. */
interface Entry<D extends StoredDtype> {
  readonly name: string;
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Whether `value` is a JSON object. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether `value` is a list of whole numbers from 0. */
function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** The entry of tensor `name`, or the rule it breaks. Offsets are within `room` bytes. */
function readEntry<D extends StoredDtype>(
  name: string,
  value: unknown,
  room: number,
  dtypes: readonly D[],
): Entry<D> | string {
  if (!isObject(value)) return "must be an object";
  const { dtype: code, shape, data_offsets: offsets } = value;
  const dtype = dtypes.find((known) => known.toUpperCase() === code);
  if (!dtype) return `must have dtype ${dtypes.map((known) => known.toUpperCase()).join(" or ")}`;
  if (!isCounts(shape)) return "must have a shape of whole numbers";
  if (!isCounts(offsets) || offsets.length !== 2) return "must have two data_offsets";
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > room) return `must lie within the ${room} bytes of data`;
  if (elements(shape) * BYTES[dtype] !== end - begin) return "must have as many bytes as its shape";
  return { name, dtype, shape, begin, end };
}

/** The JSON header and the byte the data starts at. */
function readHeader(
  bytes: Uint8Array,
  fail: (rule: string, found: string) => UserError,
): { header: Record<string, unknown>; start: number } {
  if (bytes.length < PREFIX) throw fail("must start with 8 bytes", `${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > bytes.length - PREFIX)
    throw fail("header must lie within the file", `${length} of ${bytes.length} bytes`);
  if (length > MAX_HEADER) throw fail(`header must have at most ${MAX_HEADER} bytes`, `${length}`);
  const start = PREFIX + length;
  let header: unknown;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    header = JSON.parse(decoder.decode(bytes.subarray(PREFIX, start)));
  } catch (cause) {
    throw fail("header must be JSON", cause instanceof Error ? cause.message : String(cause));
  }
  if (!isObject(header)) throw fail("header must be a JSON object", typeof header);
  return { header, start };
}

/**
 * The tensors of a file. Safe on any bytes: every length is checked before it is used, tensors may
 * neither overlap nor leave gaps, so no more is allocated than the file holds.
 *
 * @param bytes   the whole file
 * @param where   what to call it in an error: its path
 * @param dtypes  element types to take; those of our states when left out
 * @throws        UserError when the bytes are not such a file
 */
export function decodeSafetensors<D extends StoredDtype = StateDtype>(
  bytes: Uint8Array,
  where: string,
  dtypes: readonly D[] = STATE_DTYPES as readonly StoredDtype[] as readonly D[],
): SafetensorsFile<D> {
  const fail = (rule: string, found: string) =>
    new UserError(
      `${where}: ${rule}; found ${found}; the file is damaged or no safetensors of ` +
        dtypes.join(" and "),
    );
  const { header, start } = readHeader(bytes, fail);
  const { [METADATA]: texts = {}, ...rest } = header;
  if (!isObject(texts) || !Object.values(texts).every((text) => typeof text === "string")) {
    throw fail("metadata must be texts by name", shown(texts));
  }
  const entries = Object.entries(rest).map(([name, value]) => {
    const entry = readEntry(name, value, bytes.length - start, dtypes);
    if (typeof entry !== "string") return entry;
    throw fail(`tensor ${shown(name)} ${entry}`, shown(value));
  });
  let end = 0;
  for (const entry of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== end) {
      throw fail(
        `tensor ${shown(entry.name)} must start at byte ${end} of the data`,
        `${entry.begin}`,
      );
    }
    end = entry.end;
  }
  if (end !== bytes.length - start) {
    throw fail("tensors must fill the data", `${end} of ${bytes.length - start} bytes used`);
  }
  const tensors = entries.map((entry): [string, StoredTensor<D>] => [
    entry.name,
    copyTensor(entry, bytes.subarray(start + entry.begin, start + entry.end)),
  ]);
  // fromEntries defines each name as its own property, "__proto__" too.
  return { tensors: Object.fromEntries(tensors), metadata: texts as Record<string, string> };
}

const MAKE: { readonly [K in StoredDtype]: (bytes: ArrayBuffer) => Arrays[K] } = {
  f32: (bytes) => new Float32Array(bytes),
  u32: (bytes) => new Uint32Array(bytes),
  f16: (bytes) => new Uint16Array(bytes),
  i64: (bytes) => new BigInt64Array(bytes),
};

/** A tensor with its own, aligned copy of the bytes. */
function copyTensor<D extends StoredDtype>(
  { dtype, shape }: Entry<D>,
  bytes: Uint8Array,
): StoredTensor<D> {
  const { buffer } = new Uint8Array(bytes); // not slice(): that of a Node Buffer shares its memory
  return { dtype, shape, data: MAKE[dtype](buffer) } as StoredTensor<D>;
}
