/** The caption pool, and the image pool of direction "both": rings of what the towers encoded. */
import { ringPush, type Tensor } from "../engine/index.ts";
import { embedAsIs, type Features, type Part, type Parts } from "./embed.ts";
import type { HeldState, Pool } from "./model.ts";
import type { Config } from "./schema.ts";

/** The pools of a state. */
type Pools = Pick<HeldState, "pool" | "imagePool">;

/**
 * Push a batch: first in, first out, at the end as `roclip.poolWrap` says.
 *
 * @param features  images, for the image pool where there is one, and captions, for the caption
 *                  pool; rows of any length, which pools hold scaled to unit length
 * @param ids       u32[B] their pairs
 * @returns         the pools' new versions, which no gradient flows through
 */
export function feedPools(
  { roclip: { poolWrap } }: Pick<Config, "roclip">,
  { pool, imagePool }: Pools,
  { I, T }: Features,
  ids: Tensor,
): Pools {
  const push = (to: Pool<Tensor>, rows: Tensor) => ringPush(to, rows, ids, poolWrap);
  return { pool: push(pool, T), ...(imagePool && { imagePool: push(imagePool, I) }) };
}

/** Pairs to encode, as a step's `Batch` has them. */
interface Pairs {
  readonly parts: Parts<Omit<Part, "draws">>;
  readonly pairs: Tensor;
}

/**
 * Put a batch of pairs into the pools, before the first matching epoch.
 *
 * @param batch  the pairs; their images count only for an image pool
 * @returns      the pools' new versions
 */
export function fillPools(config: Config, state: HeldState, batch: Pairs): Pools {
  return feedPools(config, state, embedAsIs(config, state, batch.parts), batch.pairs);
}

/**
 * Encode rows of the pools anew, in their places.
 *
 * @param batch  what the rows hold: pairs, un-augmented
 * @param at     u32[2]: the first of the rows; the pool's size
 * @returns      the pools' new versions
 */
export function reencodePools(config: Config, state: HeldState, batch: Pairs, at: Tensor): Pools {
  const { I, T } = embedAsIs(config, state, batch.parts);
  const { pool, imagePool } = state;
  const write = (old: Pool<Tensor>, rows: Tensor) => {
    const written = ringPush({ ...old, cursor: at }, rows, batch.pairs);
    return { rows: written.rows, ids: written.ids, cursor: old.cursor };
  };
  return { pool: write(pool, T), ...(imagePool && { imagePool: write(imagePool, I) }) };
}
