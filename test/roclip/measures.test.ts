import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { confusionsOf, worstConfusions } from "../../roclip/measures/confusions.ts";
import {
  backdoorSuccess,
  classVectors,
  poisonSuccess,
  type Rows,
  rankClasses,
  wilson,
  zeroShot,
} from "../../roclip/measures.ts";

/** Rows from lists of numbers. */
function rows(...values: number[][]): Rows {
  return { data: Float32Array.from(values.flat()), width: values[0]!.length };
}

// Six classes: the ends of three axes. An image is classified by its largest coordinate, with sign.
const SIX = rows([1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]);

describe("wilson", () => {
  it("gives the published intervals", () => {
    // By hand: n = 16, p = 15/16, z² = 3.841459: centre 1.057546, half 0.168757, over 1.240091.
    const fifteen = wilson(15, 16);
    expect(fifteen.value).toBe(0.9375);
    expect(fifteen.low).toBeCloseTo(0.71671, 5);
    expect(fifteen.high).toBeCloseTo(0.98888, 5);
    // p = 0: [0, z²/(n + z²)] = 3.841459 / 19.841459.
    expect(wilson(0, 16).low).toBe(0);
    expect(wilson(0, 16).high).toBeCloseTo(3.841459 / 19.841459, 6);
    expect(wilson(16, 16).low).toBeCloseTo(16 / 19.841459, 6);
    expect(wilson(16, 16).high).toBe(1);
    // p = ½ is symmetric.
    expect(wilson(8, 16).low + wilson(8, 16).high).toBeCloseTo(1, 12);
  });

  it("says nothing of no cases", () => {
    expect(wilson(0, 0)).toEqual({ value: Number.NaN, successes: 0, count: 0, low: 0, high: 1 });
  });

  it("holds its share, within 0 and 1", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, share) => {
          const { low, value, high } = wilson(Math.round(share * n), n);
          expect(low).toBeGreaterThanOrEqual(0);
          expect(low).toBeLessThanOrEqual(value);
          expect(high).toBeGreaterThanOrEqual(value);
          expect(high).toBeLessThanOrEqual(1);
        },
      ),
      { seed: 1 },
    );
  });
});

describe("classVectors", () => {
  it("is the unit mean of unit rows, whatever their lengths", () => {
    // Class 0: (1, 0) and (0, 1), of lengths 3 and 0.5 → (1, 1)/√2.
    // Class 1: (0.6, 0.8) and (1, 0), of lengths 5 and 2 → (1.6, 0.8)/√3.2.
    const { data, width } = classVectors(rows([3, 0], [0, 0.5], [3, 4], [2, 0]), [2, 2]);
    const wanted = [Math.SQRT1_2, Math.SQRT1_2, 1.6 / Math.sqrt(3.2), 0.8 / Math.sqrt(3.2)];
    expect(width).toBe(2);
    for (const [index, value] of data.entries()) expect(value).toBeCloseTo(wanted[index]!, 6);
  });

  it("stays finite on vectors of zeros", () => {
    expect([...classVectors(rows([0, 0], [0, 0]), [2]).data]).toEqual([0, 0]);
  });

  it("takes as many captions of a class as it has", () => {
    const { data } = classVectors(rows([2, 0], [3, 4], [0, 1], [0, 7]), [1, 3]);
    const length = Math.hypot(0.6, 2.8);
    const wanted = [1, 0, 0.6 / length, 2.8 / length];
    for (const [index, value] of data.entries()) expect(value).toBeCloseTo(wanted[index]!, 6);
  });

  it("refuses another number of rows", () => {
    expect(() => classVectors(rows([1, 0], [0, 1], [1, 1]), [2, 2])).toThrow("each of 4 captions");
  });
});

describe("rankClasses", () => {
  it("orders by cosine, the lower class first of equals", () => {
    const [order] = rankClasses(rows([0.3, 0.3, -0.2]), SIX);
    expect([...order!]).toEqual([0, 1, 5, 2, 3, 4]);
  });

  it("refuses two widths", () => {
    expect(() => rankClasses(rows([1, 0]), SIX)).toThrow("found 2 and 3");
  });
});

describe("zeroShot", () => {
  const images = rows([9, 1, 0], [2, 1, 0], [1, 5, 2], [1, 2, 3], [0, -7, 1]);

  it("is the hand-computed example", () => {
    // Rankings: 0 1 2 5 4 3 · 0 1 2 5 4 3 · 1 2 0 3 5 4 · 2 1 0 3 4 5 · 4 2 0 3 5 1
    const { top1, top3, top5, classMean, confusion, predictions } = zeroShot(
      images,
      SIX,
      [0, 0, 1, 1, 0],
    );
    expect([...predictions]).toEqual([0, 0, 1, 2, 4]);
    expect(top1).toMatchObject({ value: 0.6, successes: 3, count: 5 });
    expect(top3.value).toBe(1);
    expect(top5.value).toBe(1);
    expect(classMean).toBeCloseTo((2 / 3 + 1 / 2) / 2, 12);
    const wanted = new Uint32Array(36);
    wanted.set([2, 0, 0, 0, 1, 0, 0, 1, 1]);
    expect(confusion).toEqual(wanted);
  });

  it("counts the third and the fifth place", () => {
    // Wanted classes stand at places 3, 4, 5, 6 and 1 of the rankings above.
    const { top1, top3, top5, top10 } = zeroShot(images, SIX, [2, 5, 5, 5, 4]);
    expect([top1.value, top3.value, top5.value, top10.value]).toEqual([0.2, 0.4, 0.8, 1]);
  });

  it("refuses labels that are no class, too few or too many", () => {
    expect(() => zeroShot(images, SIX, [0, 0, 1, 1, 6])).toThrow("a class in [0, 6)");
    expect(() => zeroShot(images, SIX, [0, 0, 1, 1, -1])).toThrow("one of them -1");
    expect(() => zeroShot(images, SIX, [0])).toThrow("found 1 classes for 5 images");
  });
});

describe("confusionsOf", () => {
  // Of four cats one is taken for a dog, of three dogs two for cats; no image shows the rose.
  const matrix = Uint32Array.of(3, 1, 0, 2, 0, 1, 0, 0, 0);
  const confusions = confusionsOf(matrix, ["cat", "dog", "rose"]);

  it("names the cells that are not 0, with their share of the class", () => {
    expect(confusions).toEqual([
      { trueClass: "cat", predicted: "cat", images: 3, share: 3 / 4 },
      { trueClass: "cat", predicted: "dog", images: 1, share: 1 / 4 },
      { trueClass: "dog", predicted: "cat", images: 2, share: 2 / 3 },
      { trueClass: "dog", predicted: "rose", images: 1, share: 1 / 3 },
    ]);
  });

  it("puts the mistakes of most images first, of equals the first, and no right answers", () => {
    const worst = worstConfusions(confusions, 2);
    expect(worst.map(({ trueClass, predicted }) => [trueClass, predicted])).toEqual([
      ["dog", "cat"],
      ["cat", "dog"],
    ]);
    expect(worstConfusions(confusionsOf(Uint32Array.of(3), ["cat"]), 5)).toEqual([]);
  });
});

describe("poisonSuccess", () => {
  it("is the hand-computed example", () => {
    // Rankings as above: adversarial class at places 1, 2, 4, 6; true class first once.
    const targets = rows([9, 1, 0], [2, 1, 0], [1, 5, 2], [1, 2, 3]);
    const result = poisonSuccess(targets, SIX, [0, 1, 3, 5], [1, 0, 0, 1]);
    expect(result.top1).toMatchObject({ value: 0.25, successes: 1, count: 4 });
    expect(result.top3.value).toBe(0.5);
    expect(result.top5.value).toBe(0.75);
    expect(result.trueClass.value).toBe(0.25);
    expect([...result.predictions]).toEqual([0, 0, 1, 2]);
  });

  it("is NaN of no targets", () => {
    const none = { data: new Float32Array(0), width: 3 };
    expect(poisonSuccess(none, SIX, [], []).top1.value).toBeNaN();
  });
});

describe("backdoorSuccess", () => {
  it("leaves images of the target class out", () => {
    // Target 0. The first image is of class 0 and classified so: not counted. Of the other three,
    // one is taken for class 0, one for its true class, one for neither.
    const triggered = rows([9, 1, 0], [2, 1, 0], [1, 5, 2], [1, 2, 3]);
    const result = backdoorSuccess(triggered, SIX, 0, [0, 1, 1, 1]);
    expect(result.top1).toMatchObject({ successes: 1, count: 3 });
    expect(result.trueClass).toMatchObject({ successes: 1, count: 3 });
    expect([...result.predictions]).toEqual([0, 0, 1, 2]);
  });
});
