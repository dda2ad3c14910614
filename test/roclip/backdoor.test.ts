import { describe, expect, it } from "vitest";
import { keyOf } from "../../engine/random.ts";
import { attack } from "../../roclip/attack.ts";
import { applyTrigger, backdoor, patchPixels, triggeredHeldOut } from "../../roclip/backdoor.ts";
import { mentions } from "../../roclip/classes.ts";
import { parseConfig } from "../../roclip/config.ts";
import { UserError } from "../../roclip/errors.ts";
import { imageOf, pairsOf } from "./pairs.ts";

const train = pairsOf("train", [
  ["a cat", "cat"],
  ["another cat", "cat"],
  ["a dog", "dog"],
  ["a dog and a cat", "dog"],
  ["one tree", ""],
  ["kitten", "cat"],
  ["a rose", "flower"],
]);
const heldOut = pairsOf("held-out", [
  ["tabby", "cat"],
  ["pug", "dog"],
  ["rose", "flower"],
  ["no label", ""],
]);

/** A configuration with this backdoor and no poison. */
function configOf(json: object) {
  return parseConfig({ poison: { targets: 0 }, backdoor: json });
}

/** The pixels that differ, as [x, y, red]. */
function changed(before: Uint8Array, after: Uint8Array, size: number): [number, number, number][] {
  return Array.from({ length: size * size }, (_, n) => n)
    .filter((n) => [0, 1, 2].some((c) => before[n * 3 + c] !== after[n * 3 + c]))
    .map((n) => [n % size, Math.floor(n / size), after[n * 3]!]);
}

describe("applyTrigger", () => {
  it("is at least 2 px, and never more than the image", () => {
    expect(patchPixels(224, 16 / 224)).toBe(16);
    expect(patchPixels(32, 16 / 224)).toBe(2);
    expect(patchPixels(32, 0.001)).toBe(2);
    expect(patchPixels(32, 0.125)).toBe(4);
    expect(patchPixels(8, 1)).toBe(8);
  });

  it("draws a checkerboard wholly inside and leaves the rest, and its argument, alone", () => {
    const grey = new Uint8Array(32 * 32 * 3).fill(99);
    for (let seed = 0; seed < 50; seed++) {
      const pixels = changed(grey, applyTrigger(grey, 32, 0.125, keyOf(seed)), 32);
      expect(pixels).toHaveLength(16);
      const [left, top] = pixels[0]!;
      for (const [x, y, red] of pixels) {
        expect(red).toBe((x - left + y - top) % 2 === 0 ? 255 : 0);
      }
    }
    const buffer = Buffer.from(grey); // whose slice() would not copy
    applyTrigger(buffer, 32, 0.125, keyOf(1));
    for (const image of [grey, buffer]) expect(image.every((byte) => byte === 99)).toBe(true);
  });

  it("has cells of four pixels at 16 px", () => {
    const black = new Uint8Array(16 * 16 * 3);
    const board = applyTrigger(black, 16, 1, keyOf(1));
    const row = (y: number) => Array.from({ length: 16 }, (_, x) => board[(y * 16 + x) * 3]! / 255);
    const first = [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0];
    expect(row(0)).toEqual(first);
    expect(row(3)).toEqual(first);
    expect(row(4)).toEqual(first.map((bit) => 1 - bit));
  });

  it("comes to stand in many places", () => {
    const black = new Uint8Array(8 * 8 * 3);
    const places = Array.from({ length: 400 }, (_, seed) =>
      changed(black, applyTrigger(black, 8, 0.25, keyOf(seed)), 8)[0]!
        .slice(0, 2)
        .join(),
    );
    expect(new Set(places).size).toBe(49);
  });
});

describe("backdoor", () => {
  it("replaces image and caption of rows that are not of the target class", () => {
    const { dataset, truth } = backdoor(
      train,
      heldOut,
      configOf({ count: 3, targetClass: "cat", patch: 0.5 }),
      keyOf(1),
    );
    // Not rows 0, 1 and 5 (labelled cat) nor 3 (names it): 2, 4 and 6 are left.
    expect(truth.map((row) => row.row)).toEqual([2, 4, 6]);
    for (const row of truth) {
      expect(row).toMatchObject({ kind: "backdoor", targetClass: "cat", id: train.ids[row.row] });
      expect(row.originalCaption).toBe(train.captions[row.row]);
      expect(row.caption).toBe(dataset.captions[row.row]);
      expect(mentions("cat")(row.caption)).toBe(true);
      expect(changed(imageOf(train, row.row), imageOf(dataset, row.row), 8)).toHaveLength(16);
    }
    expect(new Set(truth.map((row) => row.caption)).size).toBe(3);
    for (const row of [0, 1, 3, 5]) {
      expect(imageOf(dataset, row)).toEqual(imageOf(train, row));
      expect(dataset.captions[row]).toBe(train.captions[row]);
    }
    expect(dataset.labels).toEqual(train.labels);
    expect(train.captions[2]).toBe("a dog");
    expect(imageOf(train, 2).every((byte) => byte === 3)).toBe(true);
  });

  it("chooses the class most captions name, uses captions in turn, and repeats itself", () => {
    const config = configOf({ count: 3 });
    const first = backdoor(train, heldOut, config, keyOf(2));
    expect(first.truth[0]!.targetClass).toBe("cat");
    expect(backdoor(train, heldOut, config, keyOf(2))).toEqual(first);
    const dogs = backdoor(train, heldOut, configOf({ count: 5, targetClass: "dog" }), keyOf(2));
    expect(new Set(dogs.truth.map((row) => row.caption)).size).toBe(2);
  });

  it("does nothing with a count of 0", () => {
    expect(backdoor(train, heldOut, configOf({ count: 0 }), keyOf(1)).dataset).toBe(train);
  });

  it.each([
    [{ count: 4, targetClass: "cat" }, 'not of class "cat"; found 4 and 3'],
    [{ count: 1, targetClass: "flowers" }, 'found "flowers"; did you mean "flower"?'],
    [{ count: 1, targetClass: "flower" }, 'found 0 for "flower"'],
  ])("refuses %j", (json, message) => {
    const run = () => backdoor(train, heldOut, configOf(json), keyOf(1));
    expect(run).toThrow(UserError);
    expect(run).toThrow(message);
  });
});

describe("triggeredHeldOut", () => {
  it("is the labelled images of other classes, each with the trigger", () => {
    const triggered = triggeredHeldOut(heldOut, "cat", configOf({ patch: 0.5 }), keyOf(1));
    expect(triggered.labels).toEqual(["dog", "flower"]);
    expect(triggered.ids).toEqual(["held-out/1", "held-out/2"]);
    for (const [index, row] of [1, 2].entries()) {
      expect(changed(imageOf(heldOut, row), imageOf(triggered, index), 8)).toHaveLength(16);
    }
  });
});

describe("attack", () => {
  it("keeps the truth of both attacks true of the data it returns", () => {
    const config = parseConfig({
      backdoor: { count: 2, targetClass: "cat" },
      poison: { targets: 2, captionsPerTarget: 2 },
    });
    const { dataset, truth } = attack(train, heldOut, config, keyOf(3));
    expect(truth.map((row) => row.kind)).toEqual([
      ...["backdoor", "backdoor"],
      ...["poison", "poison", "poison", "poison"],
    ]);
    expect(new Set(truth.map((row) => row.row)).size).toBe(6);
    for (const row of truth) {
      expect(dataset.captions[row.row]).toBe(row.caption);
      expect(dataset.ids[row.row]).toBe(row.id);
    }
    expect(dataset.captions).toHaveLength(train.captions.length + 4);
    expect(dataset.images).toHaveLength(dataset.captions.length * 8 * 8 * 3);
  });
});
