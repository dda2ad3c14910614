import { describe, expect, it } from "vitest";
import { keyOf } from "../../engine/random.ts";
import { mentions, variedFirst } from "../../roclip/classes.ts";
import { parseConfig } from "../../roclip/config.ts";
import { UserError } from "../../roclip/errors.ts";
import { poison } from "../../roclip/poison.ts";
import { poisonTargets } from "../../roclip/truth.ts";
import { imageOf, pairsOf } from "./pairs.ts";

const train = pairsOf("train", [
  ["A cat, black", ""],
  ["cats in concatenation", ""],
  ["the cat sleeps", ""],
  ["a dog with a cat", ""],
  ["Dog!", ""],
  ["one dog", ""],
  ["fire engine, red", ""],
]);
const heldOut = pairsOf("held-out", [
  ["tabby", "cat"],
  ["pug", "dog"],
  ["ladder truck", "fire engine"],
  ["no label", ""],
  ["siamese", "cat"],
]);

/** Poison with so many targets and captions. */
function poisoned(targets: number, captionsPerTarget: number, seed = 1) {
  const config = parseConfig({ seed, poison: { targets, captionsPerTarget } });
  return poison(train, heldOut, config, keyOf(seed));
}

describe("mentions", () => {
  it.each([
    ["cat", "A CAT.", true],
    ["cat", "cats", false],
    ["cat", "con-cat", true],
    ["cat", "cat_1", false],
    ["fire engine", "a fire  engine", true],
    ["fire engine", "fire, engine", false],
    ["café", "le café noir", true],
    ["caf", "café", false],
    ["ночь", "белая ночь", true],
    ["ноч", "белая ночь", false],
    ["c++", "in c++ code", true],
    ["a.c", "abc", false],
    ["t-shirt", "white T-shirt", true],
  ])("%s in %s: %s", (name, caption, wanted) => {
    expect(mentions(name)(caption)).toBe(wanted);
  });
});

it("mentions takes any of several names", () => {
  const named = mentions("cat", "kitty  cat", "c++");
  expect(["kitty cat!", "a Cat", "c++ code", "kitty", "cats"].map(named)).toEqual([
    ...[true, true, true, false, false],
  ]);
});

describe("variedFirst", () => {
  it("uses each caption once before any twice, keeping the order otherwise", () => {
    expect(variedFirst([0, 2, 4, 1, 3], ["x", "y", "x", "x", "y"])).toEqual([0, 4, 2, 1, 3]);
  });
});

describe("poison", () => {
  it("appends each target, unmodified, with captions that name another class", () => {
    const { dataset, truth } = poisoned(3, 2);
    expect(truth).toHaveLength(6);
    expect(dataset.captions).toHaveLength(13);
    expect(dataset.captions.slice(0, 7)).toEqual(train.captions);
    expect(dataset.images.subarray(0, train.images.length)).toEqual(train.images);
    expect(new Set(dataset.ids).size).toBe(13);
    for (const [index, row] of truth.entries()) {
      const image = heldOut.ids.indexOf(row.source);
      expect(row.row).toBe(7 + index);
      expect(row.kind).toBe("poison");
      expect(imageOf(dataset, row.row)).toEqual(imageOf(heldOut, image));
      expect(row.trueClass).toBe(heldOut.labels[image]);
      expect(row.originalCaption).toBe(heldOut.captions[image]);
      expect(row.targetClass).not.toBe(row.trueClass);
      expect(row.caption).toBe(dataset.captions[row.row]);
      expect(mentions(row.targetClass)(row.caption)).toBe(true);
      expect(row.id).toBe(dataset.ids[row.row]);
      expect(dataset.labels[row.row]).toBe(row.trueClass);
    }
  });

  it("takes no image twice, no unlabelled one, and no caption twice for a target", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { truth } = poisoned(4, 3, seed);
      const sources = [...new Set(truth.map((row) => row.source))];
      expect(sources).toHaveLength(4);
      expect(sources).not.toContain("held-out/3");
      for (const source of sources) {
        const captions = truth.filter((row) => row.source === source).map((row) => row.caption);
        expect(new Set(captions).size).toBe(3);
      }
    }
  });

  it("takes captions below 1 for a share of the training rows, and at least one", () => {
    expect(poisoned(2, 0.3).truth).toHaveLength(2 * 2); // 2.1 of 7 rows
    expect(poisoned(2, 0.01).truth).toHaveLength(2 * 1);
  });

  it("finds captions by what they call the label", () => {
    const names = { "fire engine": ["cat", "dog"], cat: ["unheard of"], dog: ["unheard of"] };
    const config = parseConfig({ seed: 1, poison: { targets: 4, captionsPerTarget: 3 } });
    expect(() => poison({ ...train, names }, heldOut, config, keyOf(1))).toThrow("found cat 0");
    const two = { ...train, names: { ...names, dog: ["cat", "engine"] } };
    const { truth } = poison(two, heldOut, config, keyOf(1));
    expect(new Set(truth.map((row) => row.targetClass))).toEqual(new Set(["fire engine", "dog"]));
  });

  it("says which classes had too few captions to be drawn", () => {
    const { truth, notes } = poisoned(2, 2);
    expect(truth.map((row) => row.targetClass)).not.toContain("fire engine");
    expect(notes).toEqual([
      "Too few captions to be an adversarial class (captions found): fire engine 1.",
    ]);
  });

  it("is the same for the same key, and another for another", () => {
    expect(poisoned(4, 2).truth).toEqual(poisoned(4, 2).truth);
    expect(poisoned(4, 2, 1).truth.map((row) => row.caption)).not.toEqual(
      poisoned(4, 2, 5).truth.map((row) => row.caption),
    );
  });

  it("lists the targets that are measured", () => {
    const { truth } = poisoned(3, 2);
    const targets = poisonTargets(truth, heldOut);
    expect(targets).toHaveLength(3);
    for (const { row, trueClass } of targets) expect(heldOut.labels[row]).toBe(trueClass);
    expect(() => poisonTargets(truth, train)).toThrow(UserError);
  });

  it("does nothing with no targets", () => {
    expect(poisoned(0, 5)).toEqual({ dataset: train, truth: [], notes: [] });
  });

  it("refuses more targets than labelled images", () => {
    expect(() => poisoned(5, 1)).toThrow(UserError);
    expect(() => poisoned(5, 1)).toThrow("found 5 targets and 4 images");
  });

  it("refuses classes with too few captions, naming the counts", () => {
    expect(() => poisoned(4, 4)).toThrow(UserError);
    expect(() => poisoned(4, 4)).toThrow("found cat 3, dog 3, fire engine 1");
  });
});
