/** Which pairs an epoch trains on, in which order, and by which steps. */
import { type Key, stream } from "../engine/index.ts";
import { rowsFor } from "./amount.ts";
import { phaseOf, type StepKind } from "./schedule.ts";
import type { Config } from "./schema.ts";

/** What a defence makes of the training pairs. */
export interface Chosen {
  /** The rows that CleanCLIP fine-tunes on. */
  readonly clean?: Uint32Array;
}

/** An epoch's pairs. */
export interface EpochOrder {
  /** Rows of the training data, batch after batch. */
  readonly rows: Uint32Array;
  /** What a step of the epoch, from 0, is. */
  readonly kindAt: (step: number) => StepKind;
}

/**
 * The pairs that an epoch goes over.
 *
 * @param pairs  training pairs in all
 */
export function pairsTrained(
  { defence, cleanclip }: Pick<Config, "defence" | "cleanclip">,
  pairs: number,
): number {
  return defence === "cleanclip" ? rowsFor(cleanclip.pairs, pairs) : pairs;
}

/**
 * The order of an epoch: a permutation of its pairs.
 *
 * @param epoch  from 1
 * @param pairs  training pairs in all
 * @param key    the epoch's
 */
export function epochOrder(
  config: Config,
  epoch: number,
  pairs: number,
  { clean }: Chosen,
  key: Key,
): EpochOrder {
  const kind = phaseOf(config, epoch);
  const order = stream(key).permutation(clean?.length ?? pairs);
  return { rows: clean ? order.map((i) => clean[i]!) : order, kindAt: () => kind };
}
