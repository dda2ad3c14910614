import { type Rate, type Rows, wilson } from "../measures.ts";
import { dot, requirePairs } from "./similarity.ts";

/** R@1, R@5 and R@10 in one direction. */
export interface Recall {
  readonly at1: Rate;
  readonly at5: Rate;
  readonly at10: Rate;
}

/** Retrieval in both directions. */
export interface Retrieval {
  /** Share of images with their caption among the k captions most similar to them. */
  readonly imageToText: Recall;
  /** Share of captions with their image among the k images most similar to them. */
  readonly textToImage: Recall;
}

/**
 * How many wrong items come before each query's best right one: 0 is a hit at 1. Of equal
 * similarities the wrong one comes first, so that a model that says nothing scores nothing.
 *
 * @param group  N numbers; pair m is right for query n when group[m] = group[n]
 */
function ranks(queries: Rows, items: Rows, group: ArrayLike<number>): Uint32Array {
  const count = group.length;
  return Uint32Array.from({ length: count }, (_, n) => {
    const scores = Float64Array.from({ length: count }, (_, m) => dot(queries, n, items, m));
    let best = Number.NEGATIVE_INFINITY;
    for (let m = 0; m < count; m++) {
      if (group[m] === group[n]) best = Math.max(best, scores[m]!);
    }
    let before = 0;
    for (let m = 0; m < count; m++) {
      if (group[m] !== group[n] && scores[m]! >= best) before++;
    }
    return before;
  });
}

function recall(before: Uint32Array): Recall {
  const within = (k: number) => wilson(before.filter((rank) => rank < k).length, before.length);
  return { at1: within(1), at5: within(5), at10: within(10) };
}

/**
 * Retrieval recall R@1, R@5, R@10 over held-out pairs, both directions.
 *
 * Pairs with the same caption are right for each other: which of two equal captions is an image's
 * own cannot be told.
 *
 * @param images    f32[N, E], unit rows
 * @param texts     f32[N, E], unit rows; text n is the caption of image n
 * @param captions  N captions
 * @see             Radford et al. 2021, arXiv:2103.00020, §3.1.5 and table 13 (recall at k)
 */
export function retrieval(images: Rows, texts: Rows, captions: readonly string[]): Retrieval {
  const count = requirePairs("retrieval", images, texts);
  if (captions.length !== count)
    throw new Error(
      `retrieval: every pair must have a caption; found ${captions.length} for ${count} pairs; ` +
        "pass the captions that were embedded",
    );
  const first = new Map<string, number>();
  for (const [n, caption] of captions.entries()) if (!first.has(caption)) first.set(caption, n);
  const group = captions.map((caption) => first.get(caption)!);
  return {
    imageToText: recall(ranks(images, texts, group)),
    textToImage: recall(ranks(texts, images, group)),
  };
}
