/** MAT-files: what SciPy wrote (test/golden/mat.py) is what is read. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type MatValue, readMat } from "../../roclip/data/mat.ts";

const golden = (name: string) => readFileSync(new URL(`../golden/mat/${name}`, import.meta.url));
const numbers = (shape: number[], data: number[]): MatValue => ({
  kind: "numbers",
  shape,
  data: Float64Array.from(data),
});
const text = (value: string): MatValue => ({
  kind: "text",
  shape: [value === "" ? 0 : 1, value.length],
  text: value,
});

for (const name of ["numbers.mat", "numbers_plain.mat"])
  it(`reads numbers of every type and shape, as ${name} has them`, () => {
    const expected = JSON.parse(golden("values.json").toString()) as Record<
      string,
      { shape: number[]; data: number[] }
    >;
    const found = readMat(golden(name), name);
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    for (const [key, { shape, data }] of Object.entries(expected))
      expect(found[key], key).toEqual(numbers(shape, data));
  });

it("reads texts, cells and structures within each other", () => {
  const found = readMat(golden("texts.mat"), "texts.mat");
  expect(found.word).toEqual(text("tench"));
  expect(found.accents).toMatchObject({ kind: "text", text: "Škoda é 日本" });
  expect(found.none).toMatchObject({ kind: "text", text: "" });
  const list = [text("a"), text("longer text"), numbers([1, 1], [3.5]), text("")];
  expect(found.list).toEqual({ kind: "cells", shape: [1, 4], cells: list });
  const x = { x: numbers([1, 1], [1]) };
  const inner: MatValue = { kind: "cells", shape: [1, 1], cells: [numbers([1, 1], [2])] };
  expect(found.nested).toEqual({
    kind: "structs",
    shape: [1, 2],
    structs: [
      { name: text("one"), inner: { kind: "structs", shape: [1, 1], structs: [x] } },
      { name: text("two"), inner },
    ],
  });
});

/** An element of bytes, padded to eight. */
function element(type: number, bytes: number[]): number[] {
  const u32 = (value: number) => [
    value >>> 24,
    (value >>> 16) & 255,
    (value >>> 8) & 255,
    value & 255,
  ];
  const padding = new Array<number>((8 - (bytes.length % 8)) % 8).fill(0);
  return [...u32(type), ...u32(bytes.length), ...bytes, ...padding];
}

it("reads a file of a machine whose most significant byte comes first", () => {
  const header = [...new Array<number>(124).fill(32), 1, 0, 77, 73]; // version 0x0100, "MI"
  const flags = element(6, [0, 0, 0, 11, 0, 0, 0, 0]); // class 11: mxUINT16
  const shape = element(5, [0, 0, 0, 1, 0, 0, 0, 2]);
  const name = element(1, [120]);
  const data = element(4, [1, 2, 0, 9]); // u16: 258, 9
  const bytes = Uint8Array.from([
    ...header,
    ...element(14, [...flags, ...shape, ...name, ...data]),
  ]);
  expect(readMat(bytes, "big.mat")).toEqual({ x: numbers([1, 2], [258, 9]) });
});

it("says what is wrong with what it cannot read", () => {
  const whole = golden("numbers_plain.mat");
  const refuse = (bytes: Uint8Array) => () => readMat(bytes, "a.mat");
  expect(refuse(new Uint8Array(3))).toThrow(/a\.mat: must be a MAT-file of level 5.*header/);
  expect(refuse(whole.subarray(0, whole.length - 20))).toThrow(/ends within an element/);
  const hdf5 = Buffer.concat([
    Buffer.from("MATLAB 7.3 MAT-file".padEnd(124)),
    Buffer.from([0, 2, 73, 77]),
  ]);
  expect(refuse(hdf5)).toThrow(/it is HDF5 \(version 7\.3\)/);
  const packed = Buffer.from(golden("numbers.mat"));
  packed.fill(7, 140, 160);
  expect(refuse(packed)).toThrow(/a\.mat: must be a MAT-file/);
});
