import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../../roclip/errors.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsFile,
  type StoredTensor,
} from "../../roclip/safetensors.ts";

/** A file with this header text and data. */
function fileOf(header: string, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const EXAMPLE: SafetensorsFile = {
  tensors: {
    "image.weight": {
      dtype: "f32",
      shape: [2, 2],
      data: Float32Array.of(1, -0.5, Number.NaN, 3e38),
    },
    key: { dtype: "u32", shape: [2], data: Uint32Array.of(0, 0xffffffff) },
    empty: { dtype: "f32", shape: [0, 3], data: new Float32Array(0) },
    scalar: { dtype: "f32", shape: [], data: Float32Array.of(4.6) },
  },
  metadata: { note: "é" },
};

const tensor: fc.Arbitrary<StoredTensor> = fc
  .array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 })
  .chain((shape): fc.Arbitrary<StoredTensor> => {
    const length = shape.reduce((product, extent) => product * extent, 1);
    const size = { minLength: length, maxLength: length };
    return fc.oneof(
      fc.float32Array(size).map((data) => ({ dtype: "f32" as const, shape, data })),
      fc.uint32Array(size).map((data) => ({ dtype: "u32" as const, shape, data })),
    );
  });

/** Deeper than JSON.stringify goes. */
const DEEP = `${"[".repeat(1e5)}${"]".repeat(1e5)}`;

describe("safetensors", () => {
  it("lays bytes out as the format says", () => {
    const bytes = encodeSafetensors({
      tensors: { a: { dtype: "u32", shape: [1], data: Uint32Array.of(0x04030201) } },
      metadata: {},
    });
    const header = '{"__metadata__":{},"a":{"dtype":"U32","shape":[1],"data_offsets":[0,4]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
    expect(new DataView(bytes.buffer).getBigUint64(0, true)).toBe(BigInt(padded.length));
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + padded.length))).toBe(padded);
    expect([...bytes.subarray(8 + padded.length)]).toEqual([1, 2, 3, 4]);
  });

  it("reads what it wrote, at any alignment", () => {
    const bytes = encodeSafetensors(EXAMPLE);
    expect(decodeSafetensors(bytes, "x")).toEqual(EXAMPLE);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(decodeSafetensors(shifted.subarray(1), "x")).toEqual(EXAMPLE);
    expect(decodeSafetensors(Buffer.from(bytes), "x")).toEqual(EXAMPLE);
  });

  it("reads any tensors under any names as they were", () => {
    const name = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "1", "é猫"));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, tensor), { maxLength: 5 }), fc.string(), (list, note) => {
        const file = { tensors: Object.fromEntries(list), metadata: { note } };
        const read = decodeSafetensors(encodeSafetensors(file), "x");
        expect(Object.entries(read.tensors).sort()).toEqual(Object.entries(file.tensors).sort());
        expect(Object.getPrototypeOf(read.tensors)).toBe(Object.prototype);
        expect(read.metadata).toEqual({ note });
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("throws UserError, and nothing else, on damaged files", () => {
    const bytes = encodeSafetensors(EXAMPLE);
    const edits = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(edits, fc.nat(bytes.length), (changes, length) => {
        const damaged = bytes.slice(0, length);
        for (const [at, value] of changes) damaged[at] = value;
        expectSafe(damaged);
      }),
      { seed: 1, numRuns: 2000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), expectSafe), { seed: 1 });
  });

  it.each([
    ["no prefix", new Uint8Array(7), "must start with 8 bytes"],
    ["a header past the end", fileOf("{}").subarray(0, 9), "header must lie within the file"],
    ["a header of 2⁶⁴ − 1", new Uint8Array(16).fill(255), "header must lie within the file"],
    ["no JSON", fileOf("{"), "header must be JSON"],
    ["no UTF-8", fileOf("{}").fill(255, 8), "header must be JSON"],
    ["a list", fileOf("[]"), "header must be a JSON object"],
    ["a header of 8 MB", fileOf(`${" ".repeat(8e6)}{}`), "header must have at most 8000000 bytes"],
    ["metadata of numbers", fileOf('{"__metadata__":{"a":1}}'), "metadata must be texts"],
    ["bytes no tensor has", fileOf("{}", new Uint8Array(4)), "tensors must fill the data"],
    ["a deep tensor", fileOf(`{"a":${DEEP}}`), 'tensor "a" must be an object; found [[[[[…]]]]]'],
    [
      "deep metadata",
      fileOf(`{"__metadata__":${DEEP}}`),
      "metadata must be texts by name; found [[",
    ],
    ["a tensor of null", fileOf('{"a":null}'), 'tensor "a" must be an object'],
    ["f16", entry("F16", [2], [0, 4]), "must have dtype F32 or U32"],
    ["a dtype off the prototype", entry("constructor", [1], [0, 4]), "must have dtype"],
    ["a negative extent", entry("F32", [-1], [0, 4]), "a shape of whole numbers"],
    ["an extent past 2⁵³", entry("F32", [1e300], [0, 4]), "a shape of whole numbers"],
    ["65 extents", entry("F32", Array(65).fill(1), [0, 4]), "a shape of whole numbers, at most 64"],
    ["a product past 2⁵³", entry("F32", [2 ** 52, 2 ** 52], [0, 4]), "as many bytes as its shape"],
    ["one offset", entry("F32", [1], [0]), "two data_offsets"],
    ["offsets past the end", entry("F32", [2], [0, 8]), "within the 4 bytes"],
    ["offsets that fall", entry("F32", [0], [4, 0]), "within the 4 bytes"],
    ["too few bytes", entry("F32", [2], [0, 4]), "as many bytes as its shape"],
    [
      "overlap",
      fileOf(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
          '"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        new Uint8Array(4),
      ),
      'tensor "b" must start at byte 4',
    ],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, "run/checkpoint")).toThrow(UserError);
    expect(() => decodeSafetensors(bytes, "run/checkpoint")).toThrow(message);
    expect(() => decodeSafetensors(bytes, "run/checkpoint")).toThrow(/^run\/checkpoint: /);
  });

  it("is refused in a message that stays short", () => {
    const long = "n".repeat(1e6);
    const names = Array.from({ length: 1e5 }, (_, i) => `"${i}":"${i}"`).join(",");
    for (const value of [`"${long}"`, `{"${long}":1}`, `[${"0,".repeat(1e6)}0]`, `{${names}}`]) {
      const refused = (header: string) => () => decodeSafetensors(fileOf(header), "x");
      for (const header of [
        `{"a":${value}}`,
        `{"${long}":${value}}`,
        `{"__metadata__":[${value}]}`,
      ])
        expect(refused(header)).toThrow(/^x: .{20,390}$/);
    }
  });

  it("refuses to write a tensor that does not fill its shape", () => {
    const short = { dtype: "f32" as const, shape: [3], data: new Float32Array(2) };
    expect(() => encodeSafetensors({ tensors: { short }, metadata: {} })).toThrow(
      "found 2 for [3]",
    );
  });
});

/** A file of four bytes of data and one tensor "a". */
function entry(dtype: string, shape: number[], offsets: number[]): Uint8Array {
  return fileOf(JSON.stringify({ a: { dtype, shape, data_offsets: offsets } }), new Uint8Array(4));
}

/** Decoding gives no more bytes than the file has, or a UserError. */
function expectSafe(bytes: Uint8Array): void {
  try {
    const { tensors } = decodeSafetensors(bytes, "x");
    const total = Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
    expect(total).toBeLessThanOrEqual(bytes.length);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
  }
}
