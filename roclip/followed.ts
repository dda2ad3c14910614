/** Training pairs whose similarity is followed from epoch to epoch. */
import { type Dataset, subset } from "./data/dataset.ts";
import type { Embedder } from "./evaluate.ts";
import { pairSimilarities } from "./measures/similarity.ts";
import type { TruthRow } from "./truth.ts";

/** Pairs as training has them, un-augmented. */
export interface FollowedPairs {
  readonly clean: Dataset;
  /** Those that an attack made or changed. */
  readonly attacked: Dataset;
}

/** Mean similarities of image and caption, in [-1, 1]; NaN of no pairs. */
export interface FollowedSimilarity {
  readonly similarityClean: number;
  readonly similarityAttacked: number;
}

const MOST = 64; // of each kind: one batch; the mean of as many unit vectors' products is steady

/** At most `MOST` of some rows, evenly spaced. */
function spaced(rows: readonly number[]): number[] {
  const count = Math.min(rows.length, MOST);
  return Array.from({ length: count }, (_, i) => rows[Math.floor((i * rows.length) / count)]!);
}

/**
 * Choose the pairs to follow: at most 64 clean ones and 64 attacked ones, evenly spaced.
 *
 * @param train  the training data with its attacks in place
 * @param truth  which rows those are
 */
export function followPairs(train: Dataset, truth: readonly TruthRow[]): FollowedPairs {
  const attacked = new Set(truth.map(({ row }) => row));
  const rows = train.ids.map((_, row) => row);
  const of = (isAttacked: boolean) =>
    subset(train, spaced(rows.filter((row) => attacked.has(row) === isAttacked)));
  return { clean: of(false), attacked: of(true) };
}

async function meanSimilarity(embedder: Embedder, pairs: Dataset): Promise<number> {
  const images = await embedder.images(pairs);
  const found = pairSimilarities(images, await embedder.captions(pairs.captions));
  return found.reduce((sum, similarity) => sum + similarity, 0) / found.length;
}

/** How similar image and caption of the followed pairs are to the model now. */
export async function followedSimilarity(
  embedder: Embedder,
  { clean, attacked }: FollowedPairs,
): Promise<FollowedSimilarity> {
  return {
    similarityClean: await meanSimilarity(embedder, clean),
    similarityAttacked: await meanSimilarity(embedder, attacked),
  };
}
