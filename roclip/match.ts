/** Matching with the pools: what an image, or a caption, is paired with instead of its own. */
import {
  constant,
  gatherRows,
  gatherWords,
  nearest,
  ravelIndex,
  stopGradient,
  type Tensor,
  unitRows,
} from "../engine/index.ts";
import { embedTexts, type Parts, type Texts } from "./embed.ts";
import type { HeldState, Pool } from "./model.ts";
import type { Config } from "./schema.ts";

/** Every training caption, un-augmented, by its id: held on the device, never updated. */
export interface Captions {
  /** u32[N, T] */
  readonly tokens: Tensor;
  /** u32[N] place of the end-of-text token in its caption. */
  readonly ends: Tensor;
}

/** Whether matching steps encode captions anew, and so need them on the device. */
export function needsCaptions({ defence, roclip }: Config): boolean {
  return defence === "roclip" && roclip.textGradient === "re-encoded";
}

/** What the rows of a batch were matched with. */
export interface Match {
  /** f32[B, E], as in the pool; no gradient flows through them unless they were encoded anew. */
  readonly partners: Tensor;
  /** u32[B] pool rows. */
  readonly index: Tensor;
  /** u32[B] the training pairs that those rows encode. */
  readonly ids: Tensor;
}

/**
 * Match each query with the pool row most similar to it, by cosine.
 *
 * Rows of noise (`roclip.poolStart`) are not of unit length. As in the authors' code they are
 * searched as if they were, or no caption would be found beside them, and are partners as they are.
 *
 * @param queries  f32[B, E], unit rows
 */
export function matchPool(
  { roclip }: Pick<Config, "roclip">,
  queries: Tensor,
  pool: Pool<Tensor>,
): Match {
  const rows = roclip.poolStart === "noise" ? unitRows(pool.rows) : pool.rows;
  const { index } = nearest(queries, rows, { count: pool.cursor });
  const partners = stopGradient(gatherRows(pool.rows, index));
  return { partners, index, ids: gatherWords(pool.ids, index) };
}

/**
 * Matched captions by the current text tower, which takes their gradient.
 *
 * @param match  of images with the caption pool
 * @throws       Error when there are no captions to encode
 */
export function reencoded(
  config: Config,
  params: HeldState["params"],
  captions: Captions | undefined,
  match: Match,
): Match {
  if (!captions)
    throw new Error(
      'stepLoss: captions must be given where roclip.textGradient is "re-encoded"; they are not; ' +
        "hold allCaptions on the device and pass it to batchInputs",
    );
  const { tokens, ends } = captions;
  const [head, ...others] = idsByPart(config, match.ids).map((ids): Texts => {
    const places = ravelIndex(gatherWords(ends, ids), tokens.shape[1]!);
    return { tokens: gatherWords(tokens, ids), ends: places };
  });
  const parts: Parts<Texts> = [head!, ...others];
  return { ...match, partners: unitRows(embedTexts(config, params.text, parts)) };
}

/** The ids of a batch, or those of each of its micro-batches. */
function idsByPart({ microBatch }: Config, ids: Tensor): readonly Tensor[] {
  const [B] = ids.shape as [number];
  if (microBatch === 0) return [ids];
  return Array.from({ length: B / microBatch }, (_, part) => {
    const rows = Uint32Array.from({ length: microBatch }, (_, i) => part * microBatch + i);
    return gatherWords(ids, constant(rows));
  });
}

/** What the loss makes of rows that were matched with the same partner (`roclip.duplicates`). */
export function duplicatesOf({ roclip }: Config, { index, ids }: Match) {
  if (roclip.duplicates === "excluded") return { excluded: ids };
  return roclip.duplicates === "positives" ? { positives: index } : {};
}
