/**
 * Judging (`roclip.judge`): ours, not the paper's. Before a matching epoch every pair is ranked
 * against a pool of others: how large a share of the captions there is more similar to its image
 * than its own caption, and how large a share of the pool's images to its caption. The larger of
 * the two, averaged over the epochs, is the pair's rank. Pairs of too high a rank are left out of
 * the epoch, which is as long as one of all pairs.
 */
import {
  compile,
  type Device,
  fold,
  input,
  keyOf,
  overwrite,
  rankInPool,
  readState,
  stream,
} from "../engine/index.ts";
import { type Dataset, subset } from "./data/dataset.ts";
import { UserError } from "./errors.ts";
import type { Embedder } from "./evaluate.ts";
import { poolRows, UNJUDGED } from "./model.ts";
import { sideTrained } from "./schedule.ts";
import type { Session } from "./session.ts";

const CHUNK = 256; // pairs ranked at a time: their similarities to the pool are in memory
const JUDGE_KEY = 0x6a756467; // "judg": which pairs make the pool

/**
 * Each pair's rank in a pool of pairs.
 *
 * @param train  N pairs, ranked as they are, un-augmented
 * @param pool   rows of them
 * @returns      f32[N], in [0, 1]
 */
export async function ranksOf(
  device: Device,
  embedder: Embedder,
  train: Dataset,
  pool: ArrayLike<number>,
): Promise<Float32Array> {
  const { width, ...others } = await embedPairs(embedder, subset(train, pool));
  const I = input("I", [CHUNK, width]);
  const T = input("T", [CHUNK, width]);
  const images = input("images", [pool.length, width]);
  const captions = input("captions", [pool.length, width]);
  const plan = await compile(device, {
    outputs: { byCaptions: rankInPool(I, T, captions), byImages: rankInPool(T, I, images) },
  });
  try {
    const ranks = new Float32Array(train.captions.length);
    for (let first = 0; first < ranks.length; first += CHUNK) {
      const count = Math.min(CHUNK, ranks.length - first);
      const rows = Array.from({ length: count }, (_, i) => first + i);
      const pairs = await embedPairs(embedder, subset(train, rows));
      const chunk = { I: padded(pairs.images, width), T: padded(pairs.captions, width) };
      plan.run(first === 0 ? { ...others, ...chunk } : chunk); // the pool stays on the device
      const { byCaptions, byImages } = await plan.read();
      for (const [i, row] of rows.entries()) ranks[row] = Math.max(byCaptions![i]!, byImages![i]!);
    }
    return ranks;
  } finally {
    plan.destroy();
  }
}

/** What the towers make of pairs: rows of `width` numbers. */
async function embedPairs(embedder: Embedder, pairs: Dataset) {
  const images = await embedder.images(pairs);
  const captions = await embedder.captions(pairs.captions);
  return { images: images.data, captions: captions.data, width: images.width };
}

/** Rows, and zeros behind them to make a chunk. */
function padded(rows: Float32Array, width: number): Float32Array {
  const chunk = new Float32Array(CHUNK * width);
  chunk.set(rows);
  return chunk;
}

/** Ranks averaged with those of earlier epochs; pairs that are not judged now keep theirs. */
export function averagedRanks(before: Float32Array, now: Float32Array, momentum: number) {
  return now.map((rank, i) => {
    if (rank === UNJUDGED) return before[i]!;
    return before[i] === UNJUDGED ? rank : momentum * before[i]! + (1 - momentum) * rank;
  });
}

/**
 * The rows that are trained on: those judged so far whose rank is low.
 *
 * @param judge  the highest rank of these
 */
export function keptRows(ranks: Float32Array, judge: number): Uint32Array {
  const kept = (rank: number) => rank !== UNJUDGED && rank <= judge;
  return Uint32Array.from(ranks.keys()).filter((row) => kept(ranks[row]!));
}

/** The ranks of some rows of the training data among themselves; of others UNJUDGED. */
async function ranksAmong(
  { config, device, train }: Session["options"],
  embedder: Embedder,
  rows: Uint32Array | undefined,
  epoch: number,
): Promise<Float32Array> {
  const judged = rows ? subset(train, rows) : train;
  const pairs = judged.captions.length;
  const key = fold(fold(keyOf(config.seed), JUDGE_KEY), epoch);
  const pool = stream(key).permutation(pairs).slice(0, poolRows(config, pairs));
  const ranks = await ranksOf(device, embedder, judged, pool);
  if (!rows) return ranks;
  const all = new Float32Array(train.captions.length).fill(UNJUDGED);
  for (const [i, row] of rows.entries()) all[row] = ranks[i]!;
  return all;
}

/**
 * Judge the pairs that a matching epoch trains on, before it. The pool is drawn anew for each. With
 * `roclip.judgeCrosswise` the model that judged the first of them is begun anew.
 *
 * @returns  how many pairs are kept, and how many of these are attacked
 */
export async function judgeAll(
  { options, state, chosen, restart }: Session,
  embedder: Embedder,
  epoch: number,
): Promise<{ kept: number; attackedKept: number }> {
  if (!state.ranks) throw new Error("judgeAll: the state must be a judge's; it is not");
  const { config, device, evaluation } = options;
  const side = sideTrained(config, epoch);
  const rows = side === undefined ? undefined : chosen.sides?.[side];
  const now = await ranksAmong(options, embedder, rows, epoch);
  const before = await readState(device, { ranks: state.ranks });
  const { judge, judgeMomentum } = config.roclip;
  const ranks = averagedRanks(before.ranks.data as Float32Array, now, judgeMomentum);
  const kept = new Set(keptRows(ranks, judge));
  if (kept.size < config.batch)
    throw new UserError(
      `roclip.judge: a batch of ${config.batch} pairs must be kept; of ${ranks.length}, ` +
        `${kept.size} have a rank of at most ${judge} before epoch ${epoch}; choose a larger ` +
        "--roclip-judge, or more plain epochs before the first",
    );
  overwrite(device, state.ranks, ranks);
  if (side !== undefined) await restart();
  return {
    kept: kept.size,
    attackedKept: evaluation.truth.filter(({ row }) => kept.has(row)).length,
  };
}
