import { expect, test } from "vitest";
import type { Dataset } from "../../roclip/data/dataset.ts";
import type { Embedder } from "../../roclip/evaluate.ts";
import { followedSimilarity, followPairs } from "../../roclip/followed.ts";
import type { TruthRow } from "../../roclip/truth.ts";

/** Pairs of one pixel; caption n is "n". */
function pairs(count: number): Dataset {
  const ids = Array.from({ length: count }, (_, row) => `${row}`);
  const images = new Uint8Array(3 * count);
  return { name: "made up", size: 1, images, captions: ids, labels: ids, ids };
}

const truthOf = (rows: readonly number[]) => rows.map((row) => ({ row }) as TruthRow);

test("follows few pairs all, and of many 64 clean and 64 attacked ones, evenly spaced", () => {
  const few = followPairs(pairs(5), truthOf([1, 3]));
  expect(few.clean.captions).toEqual(["0", "2", "4"]);
  expect(few.attacked.captions).toEqual(["1", "3"]);
  const odd = Array.from({ length: 128 }, (_, i) => 2 * i + 1);
  const many = followPairs(pairs(256), truthOf(odd));
  expect(many.clean.captions).toEqual(Array.from({ length: 64 }, (_, i) => `${4 * i}`));
  expect(many.attacked.captions).toEqual(Array.from({ length: 64 }, (_, i) => `${4 * i + 1}`));
});

test("is the hand-computed example", async () => {
  const unit = (degrees: number) => [
    Math.cos((degrees * Math.PI) / 180),
    Math.sin((degrees * Math.PI) / 180),
  ];
  const rows = (vectors: number[][]) => ({ data: Float32Array.from(vectors.flat()), width: 2 });
  // Image n points at 0°, caption n at 60° n: similarities 1, ½, −½, −1, …
  const embedder = {
    images: async ({ ids }: Dataset) => rows(ids.map(() => unit(0))),
    captions: async (captions: readonly string[]) =>
      rows(captions.map((caption) => unit(60 * Number(caption)))),
  } as Embedder;
  const found = await followedSimilarity(embedder, followPairs(pairs(4), truthOf([1, 2, 3])));
  expect(found.similarityClean).toBeCloseTo(1, 6);
  expect(found.similarityAttacked).toBeCloseTo(-1 / 3, 6);
  const clean = await followedSimilarity(embedder, followPairs(pairs(2), []));
  expect(clean.similarityClean).toBeCloseTo(0.75, 6);
  expect(clean.similarityAttacked).toBeNaN();
});
