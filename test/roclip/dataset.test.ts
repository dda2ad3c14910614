import { describe, expect, test } from "vitest";
import { checked, concat, type Dataset, imageOf, subset } from "../../roclip/data/dataset.ts";

const four: Dataset = {
  name: "four",
  size: 1,
  images: Uint8Array.from({ length: 12 }, (_, i) => i),
  captions: ["zero", "one", "two", "three"],
  labels: ["", "a", "b", "a"],
  ids: ["0", "1", "2", "3"],
};

describe("data sets", () => {
  test("imageOf is a view of the row", () => {
    expect([...imageOf(four, 2)]).toEqual([6, 7, 8]);
    expect(imageOf(four, 2).buffer).toBe(four.images.buffer);
    expect(() => imageOf(four, 4)).toThrow("imageOf: a row must be in [0, 4); found 4");
  });

  test("subset takes rows in the order given, and copies", () => {
    const two = subset(four, Uint32Array.of(3, 0));
    expect(two.ids).toEqual(["3", "0"]);
    expect(two.captions).toEqual(["three", "zero"]);
    expect(two.labels).toEqual(["a", ""]);
    expect([...two.images]).toEqual([9, 10, 11, 0, 1, 2]);
    expect(two.images.buffer).not.toBe(four.images.buffer);
    expect(() => subset(four, [0.5])).toThrow("found 0.5");
    expect(() => subset(four, [1, 1])).toThrow("every row must have an id of its own; found 1");
  });

  test("concat puts rows one after the other", () => {
    const halves = [subset(four, [0, 1]), subset(four, [2, 3])];
    expect(concat("four", halves)).toEqual(four);
    expect(() => concat("x", [four, four])).toThrow("found 4 repeated (0, 1, 2, 3)");
    expect(() => concat("x", [])).toThrow("found no data set");
    const wide = { ...four, name: "wide", size: 2, images: new Uint8Array(48) };
    expect(() => concat("x", [four, wide])).toThrow("found four 1 px, wide 2 px");
  });

  test("checked finds columns of different length", () => {
    expect(() => checked("test", { ...four, labels: [] })).toThrow("found 4, 4, 0 and 4");
  });
});
