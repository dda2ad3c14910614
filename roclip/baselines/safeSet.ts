/** SafeCLIP's safe pairs in a run: chosen before an epoch, kept in the state for a resume. */
import { overwrite, readState } from "../../engine/index.ts";
import { type Dataset, subset } from "../data/dataset.ts";
import type { Embedder } from "../evaluate.ts";
import { pairSimilarities } from "../measures/similarity.ts";
import type { Session } from "../session.ts";
import { safePairs } from "./safeclip.ts";

const CHUNK = 4096; // pairs embedded at a time: their features are all that is kept in memory

/** Similarity of every training pair, as it is. */
async function similarities(embedder: Embedder, train: Dataset): Promise<Float64Array> {
  const found = new Float64Array(train.captions.length);
  for (let first = 0; first < found.length; first += CHUNK) {
    const rows = Array.from({ length: Math.min(CHUNK, found.length - first) }, (_, i) => first + i);
    const part = subset(train, rows);
    const images = await embedder.images(part);
    found.set(pairSimilarities(images, await embedder.captions(part.captions)), first);
  }
  return found;
}

const count = (safe: Uint32Array) => safe.reduce((sum, is) => sum + is, 0);

/**
 * Choose the safe pairs of an epoch. Doing it again for the same epoch and weights changes nothing.
 *
 * @param epoch  from 1, a split one
 * @returns      how many pairs are safe, and how many of these are attacked
 */
export async function chooseSafe(
  { options, state }: Session,
  embedder: Embedder,
  epoch: number,
): Promise<{ safe: number; attackedSafe: number }> {
  const { config, device, train, evaluation } = options;
  if (!state.safe) throw new Error("chooseSafe: the state must be SafeCLIP's; it is not");
  const { unimodalEpochs, slowEpochs } = config.safeclip;
  const epochs = epoch - unimodalEpochs - slowEpochs - 1;
  const { first } = await readState(device, { first: state.safe.first });
  const earlier = epochs > 0 ? { first: first.data[0]!, epochs } : undefined;
  const safe = safePairs(config, await similarities(embedder, train), earlier);
  overwrite(device, state.safe.pairs, safe);
  if (!earlier) overwrite(device, state.safe.first, Uint32Array.of(count(safe)));
  const attacked = new Set(evaluation.truth.map(({ row }) => row));
  const attackedSafe = count(safe.filter((_, row) => attacked.has(row)));
  return { safe: count(safe), attackedSafe };
}
