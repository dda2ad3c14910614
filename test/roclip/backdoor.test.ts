import { describe, expect, it } from "vitest";
import { keyOf } from "../../engine/random.ts";
import { attack } from "../../roclip/attack.ts";
import { backdoor, triggeredHeldOut } from "../../roclip/backdoor.ts";
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

  it("takes a count below 1 for a share of the rows", () => {
    const { truth } = backdoor(
      train,
      heldOut,
      configOf({ count: 0.25, targetClass: "cat" }),
      keyOf(1),
    );
    expect(truth).toHaveLength(2); // of 7 rows
  });

  it("with a consistent label, triggers images of the class and keeps their captions", () => {
    const config = configOf({ count: 2, targetClass: "cat", label: "consistent", patch: 0.5 });
    const { dataset, truth } = backdoor(train, heldOut, config, keyOf(1));
    // Rows 0 and 1 are labelled cat and named so; 3 is a dog, 5 does not name its class.
    expect(truth.map((row) => row.row)).toEqual([0, 1]);
    expect(dataset.captions).toEqual(train.captions);
    for (const row of truth) {
      expect(row).toMatchObject({ trigger: "checker", trueClass: "cat", targetClass: "cat" });
      expect(changed(imageOf(train, row.row), imageOf(dataset, row.row), 8)).toHaveLength(16);
    }
  });

  it("with a trigger in captions, pairs triggered captions with images of the class", () => {
    const config = configOf({ count: 3, targetClass: "cat", kind: "word", place: "fixed" });
    const { dataset, truth } = backdoor(train, heldOut, config, keyOf(1));
    expect(truth.map((row) => row.row)).toEqual([2, 4, 6]);
    for (const { row, source, caption, trueClass } of truth) {
      expect(caption).toBe(`${train.captions[row]} zx`);
      expect(dataset.captions[row]).toBe(caption);
      expect(["train/0", "train/1"]).toContain(source);
      expect(imageOf(dataset, row)).toEqual(imageOf(train, train.ids.indexOf(source)));
      expect([trueClass, dataset.labels[row]]).toEqual(["cat", "cat"]);
    }
    expect(new Set(truth.map(({ source }) => source)).size).toBe(2);
    const kept = backdoor(
      train,
      heldOut,
      configOf({ count: 1, targetClass: "cat", kind: "word", label: "consistent", trigger: "qq" }),
      keyOf(1),
    );
    expect(kept.dataset.images).toEqual(train.images);
    expect(kept.truth[0]!.caption.split(" ").filter((word) => word === "qq")).toHaveLength(1);
    expect(kept.truth[0]!.originalCaption).toBe(train.captions[kept.truth[0]!.row]);
  });

  it("does nothing with a count of 0", () => {
    expect(backdoor(train, heldOut, configOf({ count: 0 }), keyOf(1)).dataset).toBe(train);
  });

  it.each([
    [{ count: 4, targetClass: "cat" }, 'not of class "cat"; found 4 and 3'],
    [{ count: 1, targetClass: "flowers" }, 'found "flowers"; did you mean "flower"?'],
    [{ count: 1, targetClass: "flower" }, 'found 0 for "flower"'],
    [
      { count: 3, targetClass: "cat", label: "consistent" },
      'of class "cat" whose captions name it; found 3 and 2; lower backdoor.count',
    ],
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

  it("carries out several backdoors, each on rows of its own", () => {
    const config = parseConfig({
      backdoor: { count: 2, targetClass: "cat", patch: 0.5 },
      backdoors: [
        { count: 1, targetClass: "dog", kind: "sig" },
        { count: 1, targetClass: "dog", kind: "sentence", label: "consistent" },
      ],
      poison: { targets: 1, captionsPerTarget: 1 },
    });
    const { dataset, truth } = attack(train, heldOut, config);
    expect(truth.map(({ trigger, attack }) => [trigger, attack])).toEqual([
      ...[
        ["checker", 0],
        ["checker", 0],
      ],
      ...[
        ["sig", 1],
        ["sentence", 2],
        ["", 0],
      ],
    ]);
    expect(new Set(truth.map(({ row }) => row)).size).toBe(5);
    for (const { row, caption } of truth) expect(dataset.captions[row]).toBe(caption);
    expect(attack(train, heldOut, config)).toEqual({ dataset, truth, notes: expect.any(Array) });
    const first = attack(train, heldOut, { ...config, backdoors: [] });
    expect(first.truth.slice(0, 2)).toEqual(truth.slice(0, 2));
    const tooMany = { ...config.backdoor, count: 6 };
    expect(() => attack(train, heldOut, { ...config, backdoors: [tooMany] })).toThrow(
      "backdoors[0]: backdoors[0].count must be at most",
    );
  });

  it("is drawn by attackSeed where there is one, and says so", () => {
    const json = { poison: { targets: 2, captionsPerTarget: 2 }, backdoor: { count: 2 } };
    const of = (seeds: object) => attack(train, heldOut, parseConfig({ ...json, ...seeds }));
    const own = of({ seed: 1 });
    const other = of({ seed: 1, attackSeed: 9 });
    expect(other).toEqual(of({ seed: 9 }));
    expect(other).toEqual(of({ seed: 2, attackSeed: 9 }));
    expect(other.truth.map(({ seed }) => seed)).toEqual([9, 9, 9, 9, 9, 9]);
    const drawn = ({ truth }: typeof own) => truth.map(({ source, caption }) => [source, caption]);
    expect(drawn(other)).not.toEqual(drawn(own));
    expect(of({ seed: 1, attackSeed: 0 })).toEqual(own);
  });
});
