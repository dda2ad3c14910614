/** Which pairs an epoch trains on, in which order, and by which steps. */
import { type Key, type Stream, stream } from "../engine/index.ts";
import { rowsFor } from "./amount.ts";
import { kindsIn, phaseOf, type StepKind, sideTrained } from "./schedule.ts";
import type { Config } from "./schema.ts";

/** What a defence makes of the training pairs. */
export interface Chosen {
  /** The rows that CleanCLIP fine-tunes on. */
  readonly clean?: Uint32Array;
  /** u32[N]: 1 for the pairs that SafeCLIP takes for safe. */
  readonly safe?: Uint32Array;
  /** The rows that a judge keeps (judge.ts). */
  readonly kept?: Uint32Array;
  /** The rows of either side of the pairs that are judged crosswise (sides.ts). */
  readonly sides?: readonly [Uint32Array, Uint32Array];
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
 * unimodal steps come first; they are the risky ones and the safe beyond whole batches. Where a
 * judge keeps some, or one side of the pairs is trained on, permutations of those follow one
 * another, as long as all pairs' one.
 *
 * @param epoch  from 1
 * @param pairs  training pairs in all
 * @param key    the epoch's
 */
export function epochOrder(
  config: Config,
  epoch: number,
  pairs: number,
  { clean, safe, kept, sides }: Chosen,
  key: Key,
): EpochOrder {
  const phase = phaseOf(config, epoch);
  const draws = stream(key);
  if (phase === "split") return splitOrder(config.batch, draws.permutation(pairs), safe);
  const [kind] = kindsIn(config, epoch) as [StepKind];
  const kindAt = () => kind;
  if (phase === "matching" && kept) return { rows: repeated(kept, pairs, draws), kindAt };
  const side = sideTrained(config, epoch);
  if (side !== undefined && sides) return { rows: repeated(sides[side], pairs, draws), kindAt };
  const order = draws.permutation(clean?.length ?? pairs);
  return { rows: clean ? order.map((i) => clean[i]!) : order, kindAt };
}

/** Permutations of some rows, one after another, until there are `length`. */
function repeated(rows: Uint32Array, length: number, draws: Stream): Uint32Array {
  const order = new Uint32Array(length);
  for (let at = 0; at < length; at += rows.length) {
    const pass = draws.permutation(rows.length).subarray(0, length - at);
    order.set(
      pass.map((i) => rows[i]!),
      at,
    );
  }
  return order;
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
