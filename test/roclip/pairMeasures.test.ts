import { describe, expect, it } from "vitest";
import { captionBackdoorSuccess } from "../../roclip/measures/captionBackdoor.ts";
import { detection, precisionAt } from "../../roclip/measures/detection.ts";
import { judgement } from "../../roclip/measures/judgement.ts";
import { margins } from "../../roclip/measures/margins.ts";
import { formatMatches, matchRows, poolAudit } from "../../roclip/measures/poolAudit.ts";
import { retrieval } from "../../roclip/measures/retrieval.ts";
import { pairSimilarities } from "../../roclip/measures/similarity.ts";
import type { Rows } from "../../roclip/measures.ts";
import { NO_MATCH } from "../../roclip/model.ts";
import type { TruthRow } from "../../roclip/truth.ts";

/** Rows from lists of numbers. */
function rows(...values: number[][]): Rows {
  return { data: Float32Array.from(values.flat()), width: values[0]!.length };
}

describe("pairSimilarities", () => {
  it("is the product of each pair, and refuses what are not pairs", () => {
    expect([...pairSimilarities(rows([1, 0], [0.5, 1]), rows([0.25, 1], [2, 2]))]).toEqual([
      0.25, 3,
    ]);
    expect(() => pairSimilarities(rows([1, 0]), rows([1, 0], [0, 1]))).toThrow("[1, 2] and [2, 2]");
  });
});

describe("retrieval", () => {
  it("is the hand-computed example", () => {
    // Similarities, images down and texts across:
    //   1.0 0.0 0.5      image 0 finds text 0 first; image 1 finds text 0 before its own; image 2
    //   0.6 0.4 0.1      finds text 1 and text 0 before its own.
    //   0.2 0.9 0.1
    const images = rows([1, 0, 0.5], [0.6, 0.4, 0.1], [0.2, 0.9, 0.1]);
    const texts = rows([1, 0, 0], [0, 1, 0], [0, 0, 1]);
    const { imageToText, textToImage } = retrieval(images, texts, ["a", "b", "c"]);
    expect(imageToText.at1).toMatchObject({ successes: 1, count: 3 });
    expect(imageToText.at5.value).toBe(1);
    // Text 0 finds image 0; text 1 image 2 before its own; text 2 image 0, then a tie of 0.1 which
    // goes against it.
    expect(textToImage.at1).toMatchObject({ successes: 1, count: 3 });
    // Equal captions are right for each other: image 1 may find text 0.
    expect(retrieval(images, texts, ["a", "a", "c"]).imageToText.at1.successes).toBe(2);
  });

  it("counts the fifth and the tenth place", () => {
    // Twelve pairs; the text of pair n stands at place n for every image.
    const axis = (n: number) => Array.from({ length: 12 }, (_, i) => (i === n ? 1 : 0));
    const texts = rows(...Array.from({ length: 12 }, (_, n) => axis(n)));
    const image = Array.from({ length: 12 }, (_, n) => 12 - n);
    const images = rows(...Array.from({ length: 12 }, () => image));
    const captions = Array.from({ length: 12 }, (_, n) => `${n}`);
    const { imageToText, textToImage } = retrieval(images, texts, captions);
    const successes = Object.values(imageToText).map((rate) => rate.successes);
    expect(successes).toEqual([1, 5, 10]);
    expect(textToImage.at10.successes).toBe(0); // all images alike: ties go against the model
  });
});

describe("detection", () => {
  it("is the hand-computed example", () => {
    // From high to low: + − + +− (a tie). Pairs won: 2 + 1 + ½ = 3.5 of 3 × 2.
    // Precision: 1 at ⅓, 2/3 at ⅔, 3/5 at 1.
    const { auroc, averagePrecision, positives, curve } = detection(
      [0.9, 0.8, 0.7, 0.5, 0.5],
      [true, false, true, true, false],
    );
    expect(auroc).toBeCloseTo(3.5 / 6, 12);
    expect(averagePrecision).toBeCloseTo((1 + 2 / 3 + 3 / 5) / 3, 12);
    expect(positives).toBe(3);
    expect(curve).toEqual([
      { score: 0.9, recall: 1 / 3, precision: 1 },
      { score: 0.8, recall: 1 / 3, precision: 1 / 2 },
      { score: 0.7, recall: 2 / 3, precision: 2 / 3 },
      { score: 0.5, recall: 1, precision: 3 / 5 },
    ]);
    const at = [0.2, 1 / 3, 0.5, 0.9, 1].map((recall) => precisionAt(curve, recall));
    expect(at).toEqual([1, 1, 2 / 3, 3 / 5, 3 / 5]);
  });

  it("says nothing of one kind alone, and refuses what is no number", () => {
    expect(detection([1, 2], [false, false])).toMatchObject({ averagePrecision: Number.NaN });
    expect(precisionAt(detection([1, 2], [false, false]).curve, 0.5)).toBeNaN();
    expect(detection([1, 2], [true, true]).auroc).toBeNaN();
    expect(() => detection([1, Number.NaN], [true, false])).toThrow("a finite score and a flag");
  });
});

describe("margins", () => {
  it("is adversarial less true similarity", () => {
    const classes = rows([1, 0], [0, 1]);
    const [first, second] = margins(rows([0.5, 0.25], [0, 1]), classes, [0, 0], [1, 1]);
    expect([first, second]).toEqual([0.25, -1]);
    expect(() => margins(rows([1, 0]), classes, [2], [0])).toThrow("a class in [0, 2)");
  });
});

describe("captionBackdoorSuccess", () => {
  it("is the class of the most similar image, the lower of equals", () => {
    // Images of classes 0, 1, 2. Captions find images 0, 2 and (a tie) 0.
    const images = rows([1, 0], [0, 1], [-1, 0]);
    const captions = rows([1, 0.5], [-1, 0.2], [1, 1]);
    const result = captionBackdoorSuccess(captions, images, [0, 1, 2], 0, [1, 2, 1]);
    expect([...result.predictions]).toEqual([0, 2, 0]);
    expect(result.top1).toMatchObject({ successes: 2, count: 3 });
    expect(result.trueClass).toMatchObject({ successes: 1, count: 3 });
  });
});

describe("poolAudit", () => {
  const captions = ["a cat", "a dog", "a cat", "a rose", "the dog", "a moon"];
  const attacked = (row: number, targetClass: string): TruthRow => ({
    ...{ row, kind: "poison", id: `${row}`, source: "s", trigger: "", attack: 0 },
    ...{ trueClass: "", targetClass, caption: captions[row]!, originalCaption: "", seed: 1 },
  });

  // A ring of 4 whose row 2 is written next: from newest to oldest, captions 1, 4, none, 0.
  const example = [
    {
      ids: Uint32Array.of(4, 1, 0, NO_MATCH),
      next: 2,
      matches: Uint32Array.of(1, NO_MATCH, 4, 4, 1, 2),
    },
    { captions, names: { dog: ["dog", "hound"] } },
    [attacked(4, "dog"), attacked(5, "moon"), attacked(1, "cat")],
  ] as const;

  it("says what each pair was matched to", () => {
    expect(formatMatches(matchRows(...example)).split("\n")).toEqual([
      "row,caption,matchedRow,matchedCaption,attack,matchedPoisoned,namesTarget,age",
      "0,a cat,1,a dog,,true,,0",
      "2,a cat,4,the dog,,true,,1",
      "3,a rose,4,the dog,,true,,1",
      "4,the dog,1,a dog,poison,true,true,0",
      "5,a moon,2,a cat,poison,false,false,", // caption 2 is no longer in the pool
      "",
    ]);
  });

  it("is the hand-computed example", () => {
    const audit = poolAudit(...example);
    expect(audit.rows).toBe(3);
    expect(audit.duplicates).toMatchObject({ successes: 0, count: 3 });
    expect(audit.poisonedRows).toMatchObject({ successes: 2, count: 3 }); // captions 1 and 4
    expect(audit.matchedPoisoned).toMatchObject({ successes: 4, count: 5 }); // all but caption 2
    // Rows 4 and 5 were matched, to 1 ("a dog", poisoned) and 2 ("a cat", clean); row 1 was not.
    expect(audit.attackedPoisoned).toMatchObject({ successes: 1, count: 2 });
    expect(audit.attackedAdversarial).toMatchObject({ successes: 1, count: 2 });
    expect(audit.coverage).toMatchObject({ successes: 2, count: 3 }); // of 4, 1, 0 not 0
    expect(audit.sharedMatches).toMatchObject({ successes: 2, count: 5 }); // 1 4 4 1 2
    expect(audit.meanAge).toBe((0 + 1 + 1 + 0) / 4); // caption 2 is no longer in the pool
  });

  it("counts equal texts as duplicates, and refuses another run's data", () => {
    const pool = { ids: Uint32Array.of(0, 2), next: 0, matches: new Uint32Array(6).fill(NO_MATCH) };
    expect(poolAudit(pool, { captions }, []).duplicates).toMatchObject({ successes: 1, count: 2 });
    expect(() => poolAudit(pool, { captions: ["a"] }, [])).toThrow("found 1 for 6 pairs");
  });
});

describe("judgement", () => {
  it("is the hand-computed example", () => {
    // Rows 1 and 4 are attacked; row 5 was not judged. Kept at ½: rows 0, 3 of the clean 0, 2, 3.
    const truth = [1, 4].map((row, i) => ({ row, kind: i === 0 ? "poison" : "backdoor" }));
    const ranks = Float32Array.of(0.25, 0.75, 0.625, 0.5, 0.5, -1);
    const found = judgement(ranks, 0.5, truth as TruthRow[]);
    expect(found.clean).toMatchObject({ successes: 2, count: 3 });
    expect(found.poison).toMatchObject({ successes: 0, count: 1 });
    expect(found.backdoor).toMatchObject({ successes: 1, count: 1 });
    // Of six pairs of an attacked and a clean rank: 0.75 is above three, 0.5 above one, ties one.
    expect(found.auroc).toBeCloseTo((3 + 1 + 0.5) / 6, 12);
  });
});
