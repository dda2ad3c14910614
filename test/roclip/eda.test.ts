import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fold, keyOf } from "../../engine/random.ts";
import { wordNetSynonyms } from "../../roclip/data/wordnet.ts";
import { createEda } from "../../roclip/eda.ts";

const SEED = 19_011_196; // fast-check prints it with any counterexample
const KEYS = Array.from({ length: 200 }, (_, i) => fold(keyOf(7), i));
const TWENTY = Array.from({ length: 20 }, (_, i) => `word${"abcdefghijklmnopqrst"[i]}`);

/** Every word has the same synonym, so that edits show. */
const marked = () => ["new one"];

type Technique = "replaced" | "inserted" | "swapped" | "deleted";

/** Which technique made `after` from twenty different words, and how many words it touched. */
function techniqueOf(after: string): { technique: Technique; touched: number } {
  const words = after.replaceAll("new one", "NEW").split(" ");
  const fresh = words.filter((word) => word === "NEW").length;
  if (fresh > 0 && words.length === 20) return { technique: "replaced", touched: fresh };
  if (words.length > 20) {
    expect(words.filter((word) => word !== "NEW")).toEqual(TWENTY);
    return { technique: "inserted", touched: fresh };
  }
  const order = words.map((word) => TWENTY.indexOf(word));
  const moved = order.filter((from, to) => from !== to).length;
  if (words.length === 20 && moved > 0) {
    expect(order.toSorted((a, b) => a - b)).toEqual([...TWENTY.keys()]);
    return { technique: "swapped", touched: moved };
  }
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  return { technique: "deleted", touched: 20 - words.length };
}

describe("createEda", () => {
  test("draws each of the four techniques, with the paper's strengths", () => {
    const eda = createEda({ synonyms: marked });
    const made = KEYS.map((key) => techniqueOf(eda(TWENTY.join(" "), key)));
    const touched = (technique: Technique) =>
      made.filter((m) => m.technique === technique).map((m) => m.touched);
    expect(new Set(touched("replaced"))).toEqual(new Set([2])); // ⌊0.1 · 20⌋
    expect(new Set(touched("inserted"))).toEqual(new Set([2]));
    for (const count of touched("swapped")) expect([2, 3, 4]).toContain(count); // two swaps
    const deleted = touched("deleted");
    const mean = deleted.reduce((sum, count) => sum + count, 0) / deleted.length;
    expect(Math.abs(mean - 2)).toBeLessThan(0.6); // binomial(20, 0.1): 3 standard errors of 50
    for (const technique of ["replaced", "inserted", "swapped", "deleted"] as const) {
      const count = touched(technique).length;
      expect(Math.abs(count - 50), technique).toBeLessThan(20); // 200 draws of 4: 3 deviations
    }
  });

  test("touches at least one word, and as many as alpha says", () => {
    const count = (alpha: number) => {
      const eda = createEda({ alpha, synonyms: marked });
      const made = KEYS.map((key) => techniqueOf(eda(TWENTY.join(" "), key)));
      return new Set(made.filter((m) => m.technique === "inserted").map((m) => m.touched));
    };
    expect(count(0)).toEqual(new Set([1]));
    expect(count(0.09)).toEqual(new Set([1]));
    expect(count(0.5)).toEqual(new Set([10]));
    expect(() => createEda({ alpha: 2 })).toThrow("createEda: alpha must be in [0, 1]; found 2");
    expect(() => createEda({ deletion: Number.NaN })).toThrow("deletion must be in [0, 1]");
  });

  test("replaces every occurrence, inside its punctuation, and no stop word", () => {
    const eda = createEda({ synonyms: (word) => (word === "cat" ? ["feline"] : []) });
    const made = new Set(KEYS.map((key) => eda("The “Cat”, and (cat).", key)));
    expect(made).toContain("The “feline”, and (feline).");
    const only = createEda({ synonyms: marked, deletion: 0 });
    expect(KEYS.map((key) => only("with", key)).every((caption) => caption === "with")).toBe(true);
  });

  test("leaves what has no words alone", () => {
    const eda = createEda();
    for (const caption of ["", "  ", "7", "123 123", "!!", "赤いドレス", "a"]) {
      for (const key of KEYS.slice(0, 40)) {
        const after = eda(caption, key);
        if (caption.trim() === "") expect(after).toBe(caption);
        else expect(caption.split(" ")).toContain(after.split(" ")[0]);
      }
    }
    for (const key of KEYS) expect(eda("Красное платье", key)).toMatch(/^\p{L}+( \p{L}+)?$/u);
  });

  test("never empties or fails, and is a function of caption and key", () => {
    const eda = createEda();
    const words = fc.array(
      fc.oneof(
        fc.constantFrom("Red", "women's", "t-shirt", "dogs,", "42"),
        fc.string({ unit: "binary" }),
      ),
    );
    fc.assert(
      fc.property(words, fc.nat(), (list, seed) => {
        const caption = list.join(" ");
        const after = eda(caption, keyOf(seed));
        expect(eda(caption, keyOf(seed))).toBe(after);
        if (caption.trim() !== "") expect(after.trim()).not.toBe("");
      }),
      { seed: SEED },
    );
  });
});

describe("wordNetSynonyms", () => {
  test("knows base forms, inflected forms and irregular ones", () => {
    expect(wordNetSynonyms("dog")).toContain("domestic dog");
    expect(wordNetSynonyms("dogs")).toContain("domestic dog");
    expect(wordNetSynonyms("women")).toContain("adult female");
    expect(wordNetSynonyms("children")).toContain("kid");
    expect(wordNetSynonyms("feet")).toContain("pes");
    expect(wordNetSynonyms("watches")).toContain("ticker");
    expect(wordNetSynonyms("biggest")).toContain("large");
    expect(wordNetSynonyms("carried")).toContain("transport");
    expect(wordNetSynonyms("quickly")).toContain("rapidly");
  });

  test("never gives the word back, nor twice, nor underscores", () => {
    for (const word of ["blue", "jackets", "running", "asleep", "t-shirt", "heart"]) {
      const synonyms = wordNetSynonyms(word);
      expect(synonyms.length, word).toBeGreaterThan(0);
      expect(synonyms).not.toContain(word);
      expect(new Set(synonyms).size).toBe(synonyms.length);
      expect(synonyms.join(" ")).not.toMatch(/[_()A-Z]/);
    }
  });

  test("has none for what is not English", () => {
    for (const word of ["", "qwzx", "платье", "hasownproperty", "__proto__"]) {
      expect(wordNetSynonyms(word)).toEqual([]);
    }
  });
});
