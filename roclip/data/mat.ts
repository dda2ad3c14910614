/**
 * MAT-files of level 5 (MATLAB's default up to version 7): numbers, texts, cells and structures,
 * compressed or not. No package that is kept reads them under a licence like ours.
 *
 * @see MathWorks, "MAT-File Format", R2024a, chapter 1 (Level 5 MAT-files)
 */
import { inflateSync } from "node:zlib";
import { UserError } from "../errors.ts";

/** A value of a MAT-file. Arrays are column by column, as the file has them. */
export type MatValue =
  | { readonly kind: "numbers"; readonly shape: readonly number[]; readonly data: Float64Array }
  | { readonly kind: "text"; readonly shape: readonly number[]; readonly text: string }
  | { readonly kind: "cells"; readonly shape: readonly number[]; readonly cells: MatValue[] }
  | {
      readonly kind: "structs";
      readonly shape: readonly number[];
      readonly structs: Record<string, MatValue>[];
    };

const HEADER = 128; // bytes of text, version and byte order before the first element
const VERSION = 0x0100;
const ALIGNMENT = 8; // bytes
const MATRIX = 14; // miMATRIX: an array, made of further elements
const COMPRESSED = 15; // miCOMPRESSED: one element, deflated

type Read = (view: DataView, at: number, little: boolean) => number;

/** How elements of numbers are read, by their type's number: miINT8 … miUTF32. */
const NUMBERS: Readonly<Record<number, readonly [bytes: number, read: Read]>> = {
  1: [1, (view, at) => view.getInt8(at)],
  2: [1, (view, at) => view.getUint8(at)],
  3: [2, (view, at, little) => view.getInt16(at, little)],
  4: [2, (view, at, little) => view.getUint16(at, little)],
  5: [4, (view, at, little) => view.getInt32(at, little)],
  6: [4, (view, at, little) => view.getUint32(at, little)],
  7: [4, (view, at, little) => view.getFloat32(at, little)],
  9: [8, (view, at, little) => view.getFloat64(at, little)],
  12: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
  13: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
  17: [2, (view, at, little) => view.getUint16(at, little)],
  18: [4, (view, at, little) => view.getUint32(at, little)],
};
const UTF8 = 16; // miUTF8: of characters alone

/** Classes of arrays that hold what is not numbers. */
const CLASSES = { cell: 1, struct: 2, object: 3, char: 4, sparse: 5, mostNumeric: 15 } as const;

/** Bytes with their order: true when the least significant comes first. */
interface Source {
  readonly bytes: Uint8Array;
  readonly little: boolean;
}

/** One element: what it holds, and where the next one begins. */
interface Element extends Source {
  readonly type: number;
  readonly next: number;
}

const viewOf = ({ bytes }: Source) =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The element at `at`. Up to four bytes may stand in the tag itself. */
function elementAt(source: Source, at: number): Element {
  const { bytes, little } = source;
  const view = viewOf(source);
  const word = view.getUint32(at, little);
  const short = word >>> 16;
  const [type, length, start] =
    short > 0 ? [word & 0xffff, short, at + 4] : [word, view.getUint32(at + 4, little), at + 8];
  if (start + length > bytes.length) throw new Error("it ends within an element");
  const end = short > 0 ? at + 8 : start + length;
  // Compressed elements follow each other without a gap.
  const next = type === COMPRESSED ? end : Math.ceil(end / ALIGNMENT) * ALIGNMENT;
  return { type, bytes: bytes.subarray(start, start + length), little, next };
}

/** The elements of an array, one after another. */
function* elementsOf(source: Source): Generator<Element, undefined> {
  for (let at = 0; at < source.bytes.length; ) {
    const element = elementAt(source, at);
    yield element;
    at = element.next;
  }
}

function numbersOf({ type, ...source }: Element): Float64Array {
  const [bytes, read] = NUMBERS[type] ?? [];
  if (!bytes || !read) throw new Error(`an element of type ${type} cannot be read as numbers`);
  const view = viewOf(source);
  const count = source.bytes.length / bytes;
  return Float64Array.from({ length: count }, (_, i) => read(view, i * bytes, source.little));
}

/** The text of an element: in UTF-8, or a code for each letter. */
function textOf(element: Element): string {
  if (element.type === UTF8) return new TextDecoder().decode(element.bytes);
  return Array.from(numbersOf(element), (code) => String.fromCodePoint(code)).join("");
}

/** A named array: `name` is "" within cells and structures. */
interface Named {
  readonly name: string;
  readonly value: MatValue;
}

/** Field names of structures: each of the same length, padded with zeros. */
function fieldsOf(length: Element, names: Element): string[] {
  const width = numbersOf(length)[0]!;
  const count = width > 0 ? names.bytes.length / width : 0;
  const { bytes } = names;
  return Array.from({ length: count }, (_, i) =>
    Buffer.from(bytes.subarray(i * width, (i + 1) * width))
      .toString("latin1")
      .replace(/\0.*$/s, ""),
  );
}

/** The value of an array's elements after its flags, shape and name. */
function contentOf(kind: number, shape: readonly number[], next: () => Element): MatValue {
  const count = shape.reduce((product, size) => product * size, 1);
  const inner = () => arrayOf(next()).value;
  if (kind === CLASSES.cell) {
    const cells = Array.from({ length: count }, inner);
    return { kind: "cells", shape, cells };
  }
  if (kind === CLASSES.struct) {
    const fields = fieldsOf(next(), next());
    const structs = Array.from({ length: count }, () =>
      Object.fromEntries(fields.map((field) => [field, inner()])),
    );
    return { kind: "structs", shape, structs };
  }
  if (kind === CLASSES.char) return { kind: "text", shape, text: textOf(next()) };
  if (kind === CLASSES.object || kind === CLASSES.sparse || kind > CLASSES.mostNumeric)
    throw new Error(`arrays of class ${kind} are not read`);
  const data = numbersOf(next());
  if (data.length !== count)
    throw new Error(`${data.length} numbers are given for a shape of ${shape.join(" × ")}`);
  return { kind: "numbers", shape, data };
}

/** The array that an element is. */
function arrayOf(element: Element): Named {
  if (element.type !== MATRIX) throw new Error(`an array is wanted; type ${element.type} found`);
  // An empty cell may have no content at all.
  if (element.bytes.length === 0)
    return { name: "", value: { kind: "numbers", shape: [0, 0], data: new Float64Array() } };
  const elements = elementsOf(element);
  const next = () => {
    const { value } = elements.next();
    if (!value) throw new Error("an array lacks an element");
    return value;
  };
  const kind = numbersOf(next())[0]! & 0xff;
  const shape = [...numbersOf(next())];
  const name = textOf(next());
  return { name, value: contentOf(kind, shape, next) };
}

/** Byte order of a file. @throws Error when it is not of level 5 */
function orderOf(bytes: Uint8Array): boolean {
  const view = viewOf({ bytes, little: true });
  const mark = bytes.length < HEADER ? "" : String.fromCharCode(bytes[126]!, bytes[127]!);
  const little = mark === "IM";
  const version = mark === "" ? 0 : view.getUint16(124, little);
  if ((little || mark === "MI") && version === VERSION) return little;
  if (Buffer.from(bytes.subarray(0, 20)).toString("latin1").startsWith("MATLAB 7.3"))
    throw new Error('it is HDF5 (version 7.3); save it in MATLAB with "-v7"');
  throw new Error("it has not their header");
}

/**
 * The variables of a MAT-file.
 *
 * @param bytes  the whole file
 * @param where  what to call it in an error: its path
 * @throws       UserError when it is not a MAT-file of level 5, or broken, or holds other arrays
 */
export function readMat(bytes: Uint8Array, where: string): Record<string, MatValue> {
  const variables: Record<string, MatValue> = {};
  try {
    const little = orderOf(bytes);
    for (const element of elementsOf({ bytes: bytes.subarray(HEADER), little })) {
      const inflated = element.type === COMPRESSED && inflateSync(element.bytes);
      const array = inflated ? elementAt({ bytes: inflated, little }, 0) : element;
      const { name, value } = arrayOf(array);
      variables[name] = value;
    }
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      `${where}: must be a MAT-file of level 5 (MATLAB 5 to 7); ${found}; get the file again`,
      { cause },
    );
  }
  return variables;
}
