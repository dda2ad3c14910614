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
export type StoredDtype = keyof Arrays;
/** The element types of our states. */
export const STATE_DTYPES = ["f32", "u32"] as const;
type StateDtype = (typeof STATE_DTYPES)[number];

/** A named array of a file. */
export type StoredTensor<D extends StoredDtype = StateDtype> = {
  [K in D]: { readonly dtype: K; readonly shape: readonly number[]; readonly data: Arrays[K] };
}[D];

/** What a tensor is but for its data. */
export type TensorSpec<D extends StoredDtype = StateDtype> = Pick<
  StoredTensor<D>,
  "dtype" | "shape"
>;

/** What each of a file's tensors is, by name. */
export type TensorSpecs<D extends StoredDtype = StateDtype> = Readonly<
  Record<string, TensorSpec<D>>
>;

/** Named arrays and named texts. */
export interface SafetensorsFile<D extends StoredDtype = StateDtype> {
  readonly tensors: Readonly<Record<string, StoredTensor<D>>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes of the header's length, which a file begins with. */
export const PREFIX = 8;
const ALIGNMENT = 8; // bytes; the header is padded with spaces so that the data starts aligned
// Bytes. A checkpoint's header with CLIP's merges takes 2 MB, each epoch's results 0.6 kB more;
// a hostile one may take 25 times as much memory, which the reference reader's 100 MB would allow.
const MAX_HEADER = 8_000_000;
const MAX_RANK = 64; // PyTorch's: aten/src/ATen/TensorIterator has no more dimensions
const METADATA = "__metadata__";
const BYTES = { f32: 4, u32: 4, f16: 2, i64: 8 } as const; // of an element

/** Elements of a shape. */
function elements(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** The header of a file, padded, with its length before it. */
function encodeHeader(entries: readonly (readonly [string, unknown])[]): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  if (text.length > MAX_HEADER)
    throw new Error(
      `encodeSafetensors: a header must have at most ${MAX_HEADER} bytes; found ${text.length}; ` +
        "give fewer tensors or shorter texts",
    );
  const bytes = new Uint8Array(Math.ceil((PREFIX + text.length) / ALIGNMENT) * ALIGNMENT);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - PREFIX), true);
  bytes.set(text, PREFIX);
  return bytes.fill(0x20, PREFIX + text.length);
}

/**
 * A file with these tensors in its parts, one after the other: the header, then the bytes of each
 * tensor, which are views. Wide elements come first, so that all are aligned, in this order
 * otherwise. The whole may be larger than any one array.
 *
 * @throws  Error when a tensor's data does not fill its shape, or one is named "__metadata__"
 */
export function safetensorsParts({
  tensors,
  metadata,
}: SafetensorsFile<StoredDtype>): readonly Uint8Array[] {
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
  const views = ordered.map(
    ([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  return [encodeHeader(entries), ...views];
}

/** The bytes of a file with these tensors, `safetensorsParts` in one array. */
export function encodeSafetensors(file: SafetensorsFile<StoredDtype>): Uint8Array {
  const parts = safetensorsParts(file);
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
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
  if (!isCounts(shape) || shape.length > MAX_RANK)
    return `must have a shape of whole numbers, at most ${MAX_RANK}`;
  if (!isCounts(offsets) || offsets.length !== 2) return "must have two data_offsets";
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > room) return `must lie within the ${room} bytes of data`;
  if (elements(shape) * BYTES[dtype] !== end - begin) return "must have as many bytes as its shape";
  return { name, dtype, shape, begin, end };
}

/** What a header says, checked. */
export interface Header<D extends StoredDtype> {
  readonly entries: readonly Entry<D>[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** What the error of a broken rule says. */
const failure = (where: string, rule: string, found: string) =>
  new UserError(`${where}: ${rule}; found ${found}; the file is damaged or no safetensors`);

/**
 * Where a file's data starts.
 *
 * @param prefix  the first `PREFIX` bytes of the file, or all where there are fewer
 * @param size    of the file; bytes
 * @throws        UserError when the header is longer than the file or than any may be
 */
export function dataStart(prefix: Uint8Array, size: number, where: string): number {
  const fail = (rule: string, found: string) => failure(where, rule, found);
  if (prefix.length < PREFIX) throw fail("must start with 8 bytes", `${prefix.length} bytes`);
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > size - PREFIX)
    throw fail("header must lie within the file", `${length} of ${size} bytes`);
  if (length > MAX_HEADER) throw fail(`header must have at most ${MAX_HEADER} bytes`, `${length}`);
  return PREFIX + length;
}

/** The JSON object of a header. */
function parseJson(bytes: Uint8Array, where: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw failure(
      where,
      "header must be JSON",
      shown(cause instanceof Error ? cause.message : cause),
    );
  }
  if (isObject(json)) return json;
  throw failure(where, "header must be a JSON object", shown(json));
}

/**
 * What a file's header says. Tensors may neither overlap nor leave gaps, so that their data is no
 * more than the file holds.
 *
 * @param bytes   the header, after the prefix
 * @param room    bytes of data
 * @param where   what to call the file in an error: its path
 * @param dtypes  element types to take
 * @throws        UserError when a rule of the format is broken
 */
export function parseHeader<D extends StoredDtype>(
  bytes: Uint8Array,
  room: number,
  where: string,
  dtypes: readonly D[],
): Header<D> {
  const fail = (rule: string, found: string) => failure(where, rule, found);
  const { [METADATA]: texts = {}, ...rest } = parseJson(bytes, where);
  if (!isObject(texts) || !Object.values(texts).every((text) => typeof text === "string"))
    throw fail("metadata must be texts by name", shown(texts));
  const entries = Object.entries(rest).map(([name, value]) => {
    const entry = readEntry(name, value, room, dtypes);
    if (typeof entry !== "string") return entry;
    throw fail(`tensor ${shown(name)} ${entry}`, shown(value));
  });
  let end = 0;
  for (const { name, ...entry } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== end)
      throw fail(`tensor ${shown(name)} must start at byte ${end} of the data`, `${entry.begin}`);
    end = entry.end;
  }
  if (end !== room) throw fail("tensors must fill the data", `${end} of ${room} bytes used`);
  return { entries, metadata: texts as Record<string, string> };
}

const MAKE: { readonly [K in StoredDtype]: (bytes: ArrayBuffer) => Arrays[K] } = {
  f32: (bytes) => new Float32Array(bytes),
  u32: (bytes) => new Uint32Array(bytes),
  f16: (bytes) => new Uint16Array(bytes),
  i64: (bytes) => new BigInt64Array(bytes),
};

/** The tensor of an entry, whose data `bytes` become. */
export function tensorOf<D extends StoredDtype>(
  { dtype, shape }: Entry<D>,
  bytes: ArrayBuffer,
): StoredTensor<D> {
  return { dtype, shape, data: MAKE[dtype](bytes) } as StoredTensor<D>;
}

/**
 * The tensors of a file. Safe on any bytes: every length is checked before it is used, and no more
 * is allocated for tensors than the file holds.
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
  const start = dataStart(bytes.subarray(0, PREFIX), bytes.length, where);
  const data = bytes.subarray(start);
  const { entries, metadata } = parseHeader(
    bytes.subarray(PREFIX, start),
    data.length,
    where,
    dtypes,
  );
  const tensors = entries.map((entry): [string, StoredTensor<D>] => {
    // An aligned copy; not slice(): that of a Node Buffer shares its memory.
    const { buffer } = new Uint8Array(data.subarray(entry.begin, entry.end));
    return [entry.name, tensorOf(entry, buffer)];
  });
  // fromEntries defines each name as its own property, "__proto__" too.
  return { tensors: Object.fromEntries(tensors), metadata };
}
