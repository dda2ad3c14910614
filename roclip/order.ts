/** Which pairs an epoch trains on, in which order, and by which steps. */
import { type Key, stream } from "../engine/index.ts";
import { rowsFor } from "./amount.ts";
import { KINDS, phaseOf, type StepKind } from "./schedule.ts";
import type { Config } from "./schema.ts";

/** What a defence makes of the training pairs. */
export interface Chosen {
  /** The rows that CleanCLIP fine-tunes on. */
  readonly clean?: Uint32Array;
  /** u32[N]: 1 for the pairs that SafeCLIP takes for safe. */
  readonly safe?: Uint32Array;
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
 * The order of an epoch: a permutation of its pairs. Where SafeCLIP splits them, those of the
 * unimodal steps come first; they are the risky ones and the safe beyond whole batches.
 *
 * @param epoch  from 1
 * @param pairs  training pairs in all
 * @param key    the epoch's
 */
export function epochOrder(
  config: Config,
  epoch: number,
  pairs: number,
  { clean, safe }: Chosen,
  key: Key,
): EpochOrder {
  const phase = phaseOf(config, epoch);
  if (phase === "split") return splitOrder(config.batch, stream(key).permutation(pairs), safe);
  const [kind] = KINDS[phase] as [StepKind];
  const order = stream(key).permutation(clean?.length ?? pairs);
  return { rows: clean ? order.map((i) => clean[i]!) : order, kindAt: () => kind };
}

/** A permutation of all pairs, those of unimodal steps before those of plain ones. */
function splitOrder(batch: number, order: Uint32Array, safe?: Uint32Array): EpochOrder {
  if (!safe)
    throw new Error("epochOrder: the safe pairs must be given in a split epoch; they are not");
  const sure = order.filter((row) => safe[row] === 1);
  const paired = sure.slice(0, sure.length - (sure.length % batch));
  const trainedAsPairs = new Set(paired);
  const others = order.filter((row) => !trainedAsPairs.has(row));
  const unimodalSteps = Math.floor(others.length / batch);
  const rows = new Uint32Array(unimodalSteps * batch + paired.length);
  rows.set(others.subarray(0, unimodalSteps * batch));
  rows.set(paired, unimodalSteps * batch);
  return {
    rows,
    kindAt: (step) => (step < unimodalSteps ? "unimodal" : "plain"),
  };
}
