import { beforeAll, describe, expect, test } from "vitest";
import {
  CLASSES,
  type Concept,
  captionOf,
  codeOf,
  readConcepts,
} from "../../roclip/data/concepts.ts";
import { type Dataset, imageOf } from "../../roclip/data/dataset.ts";
import { type EmojiData, type EmojiStyle, readEmoji } from "../../roclip/data/emoji.ts";
import { UserError } from "../../roclip/errors.ts";

const SIZE = 32;
const LEAST_IN_CLASS = 10; // test images: one image moves a class by 10 points at most

let emoji: EmojiData;

beforeAll(async () => {
  emoji = await readEmoji({ size: SIZE });
}, 120_000);

const styleOf = (id: string) => id.split("/")[0];
const countOf = (dataset: Dataset, label: string) =>
  dataset.labels.filter((found) => found === label).length;
const wholeWord = (word: string) => new RegExp(`\\b${word}\\b`);

/** Mean of one channel over the middle quarter of an image. */
function middle(image: Uint8Array, channel: number): number {
  let sum = 0;
  let count = 0;
  for (let y = SIZE / 4; y < (3 * SIZE) / 4; y++) {
    for (let x = SIZE / 4; x < (3 * SIZE) / 4; x++, count++) {
      sum += image[(y * SIZE + x) * 3 + channel]!;
    }
  }
  return sum / count;
}

describe("readEmoji", () => {
  test("trains on three styles and tests on the fourth", () => {
    const { train, test: heldOut } = emoji;
    expect(new Set(train.ids.map(styleOf))).toEqual(new Set(["noto", "openmoji", "fluent"]));
    expect(new Set(heldOut.ids.map(styleOf))).toEqual(new Set(["twemoji"]));
    expect([train.ids.length, heldOut.ids.length]).toEqual([4898, 1652]);
    expect([train.size, heldOut.size]).toEqual([SIZE, SIZE]);
  });

  test("draws every picture: not blank, light around, the heart red in every style", () => {
    for (const dataset of [emoji.train, emoji.test]) {
      for (const [row, id] of dataset.ids.entries()) {
        const image = imageOf(dataset, row);
        const dark = image.some((value) => value < 250);
        // Two white pictures on white: all that may be without a dark pixel.
        if (!dark) expect(id).toMatch(/25fd|25fb|2b1c|26aa|1f3f3/);
        if (!id.endsWith("/2764")) continue;
        expect(middle(image, 0), id).toBeGreaterThan(180);
        expect(middle(image, 1), id).toBeLessThan(100);
      }
    }
  });

  test("has classes with enough images, named by their word in every caption", () => {
    const { train, test: heldOut, classes } = emoji;
    expect(classes).toHaveLength(16);
    for (const word of classes) {
      expect(countOf(heldOut, word), word).toBeGreaterThanOrEqual(LEAST_IN_CLASS);
      expect(countOf(train, word), word).toBeGreaterThanOrEqual(3 * LEAST_IN_CLASS);
      const captions = train.captions.filter((_, row) => train.labels[row] === word);
      for (const caption of captions) expect(caption.toLowerCase()).toMatch(wholeWord(word));
    }
    expect(new Set([...train.labels, ...heldOut.labels])).toEqual(new Set(["", ...classes]));
    for (const prompt of emoji.prompts) expect(prompt).toContain("{}");
  });

  test("labels a concept alike in every style", () => {
    const labelOf = new Map<string, string>();
    for (const { ids, labels } of [emoji.train, emoji.test]) {
      for (const [row, id] of ids.entries()) {
        const code = id.split("/")[1]!;
        expect(labelOf.get(code) ?? labels[row]).toBe(labels[row]);
        labelOf.set(code, labels[row]!);
      }
    }
    expect(labelOf.get("2764")).toBe("heart");
    expect(labelOf.get("1f600")).toBe("");
  });

  test("rejects a style that does not exist", async () => {
    const work = readEmoji({ size: SIZE, heldOut: "apple" as EmojiStyle });
    await expect(work).rejects.toThrow(UserError);
    await expect(work).rejects.toThrow(/one of noto, twemoji, openmoji, fluent; found apple/);
  });
});

describe("concepts", () => {
  const concept = (change: Partial<Concept>): Concept => ({
    code: "1",
    label: "red apple",
    tags: ["red", "a", "b", "hand", "c", "d"],
    class: "",
    ...change,
  });

  test("captionOf takes the next tags at each turn, and none that claims a class", () => {
    expect([0, 1, 2].map((turn) => captionOf(concept({}), turn))).toEqual([
      "red apple a b c",
      "red apple d a b",
      "red apple c d a",
    ]);
    expect(captionOf(concept({ tags: ["x"] }), 5)).toBe("red apple x");
    expect(captionOf(concept({ tags: [] }), 1)).toBe("red apple");
  });

  test("captionOf names the class once", () => {
    const tags: string[] = [];
    expect(captionOf(concept({ class: "fruit", tags }), 0)).toBe("red apple fruit");
    expect(captionOf(concept({ class: "clock", label: "one o'clock", tags }), 0)).toBe(
      "one o'clock",
    );
  });

  test("codeOf drops zeros and variation selectors", () => {
    expect(codeOf("0023-FE0F-20E3")).toBe("23-20e3");
  });

  test("readConcepts gives emoji with a picture of their own, each once, in a class or none", async () => {
    const concepts = await readConcepts();
    expect(concepts).toHaveLength(1914);
    expect(new Set(concepts.map(({ code }) => code)).size).toBe(1914);
    expect(concepts.some(({ label }) => /[:,()“”’]|skin tone/.test(label))).toBe(false);
    const words = CLASSES.map(({ word }) => word);
    for (const { class: word } of concepts) expect(["", ...words]).toContain(word);
  });
});
