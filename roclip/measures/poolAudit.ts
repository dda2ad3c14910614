import { mentions, namesOf } from "../classes.ts";
import type { Dataset } from "../data/dataset.ts";
import { type Rate, wilson } from "../measures.ts";
import { NO_MATCH } from "../model.ts";
import type { TruthRow } from "../truth.ts";

/** What the pool holds and what it did. */
export interface PoolAudit {
  /** Rows filled with captions. */
  readonly rows: number;
  /** Share of those that repeat a caption's text that a newer row has. */
  readonly duplicates: Rate;
  /** Share of those whose caption is of an attacked pair. */
  readonly poisonedRows: Rate;
  /** Training pairs that were ever matched, and the share matched to an attacked pair's caption. */
  readonly matchedPoisoned: Rate;
  /** Of attacked pairs: share matched to an attacked pair's caption. */
  readonly attackedPoisoned: Rate;
  /** Of attacked pairs: share matched to a caption that names the class the attack wants. */
  readonly attackedAdversarial: Rate;
  /** Share of the pool's rows whose caption some pair was last matched to. */
  readonly coverage: Rate;
  /** Share of matches whose caption another pair was matched to before it. */
  readonly sharedMatches: Rate;
  /** Mean rows pushed after the caption of a match that is still in the pool; in rows. */
  readonly meanAge: number;
}

/** What of a run's state the audit reads. */
export interface PoolState {
  /** u32[P]: the training caption of each pool row; NO_MATCH for noise and unfilled rows. */
  readonly ids: Uint32Array;
  /** The row to be written next. */
  readonly next: number;
  /** u32[N]: the caption each training pair was last matched to; NO_MATCH where never. */
  readonly matches: Uint32Array;
}

/** How many of `values` hold. */
function share<T>(values: readonly T[], holds: (value: T) => boolean): Rate {
  return wilson(values.filter(holds).length, values.length);
}

/** The first of equal keys does not repeat; all others do. */
function repeats(keys: readonly unknown[]): Rate {
  return wilson(keys.length - new Set(keys).size, keys.length);
}

/** What is read of a data set. */
type Captioned = Pick<Dataset, "captions" | "names">;

/** Shares of attacked pairs by what they were last matched to. */
function leaks(matches: Uint32Array, dataset: Captioned, truth: readonly TruthRow[]) {
  const attacked = new Set(truth.map(({ row }) => row));
  const classes = [...new Set(truth.map(({ targetClass }) => targetClass))];
  const named = new Map(classes.map((name) => [name, mentions(...namesOf(dataset, name))]));
  const matched = truth.filter(({ row }) => matches[row] !== NO_MATCH);
  return {
    attackedPoisoned: share(matched, ({ row }) => attacked.has(matches[row]!)),
    attackedAdversarial: share(matched, ({ row, targetClass }) =>
      named.get(targetClass)!(dataset.captions[matches[row]!]!),
    ),
  };
}

/**
 * Audit of the caption pool: what it holds, what images were matched to, and whether poisoned
 * captions leak through it.
 *
 * @param pool      the run's state at its end
 * @param dataset   the training data, attacked
 * @param truth     which of its rows are attacked
 * @throws          Error unless there is a caption for each pair
 */
export function poolAudit(
  { ids, next, matches }: PoolState,
  dataset: Captioned,
  truth: readonly TruthRow[],
): PoolAudit {
  const { captions } = dataset;
  if (matches.length !== captions.length)
    throw new Error(
      `poolAudit: every training pair must have a caption; found ${captions.length} for ` +
        `${matches.length} pairs; use the data of the run`,
    );
  const attacked = new Set(truth.map(({ row }) => row));
  // From the row written last to the oldest: a caption's first place is its age.
  const ages = Array.from(ids, (_, age) => ids[(next - 1 - age + 2 * ids.length) % ids.length]!);
  const held = ages.filter((id) => id !== NO_MATCH);
  const pairs = Array.from(matches.keys()).filter((row) => matches[row] !== NO_MATCH);
  const matched = pairs.map((row) => matches[row]!);
  const used = new Set(matched);
  const ageOf = new Map([...ages.entries()].reverse().map(([age, id]) => [id, age]));
  const known = matched.flatMap((id) => ageOf.get(id) ?? []);
  return {
    rows: held.length,
    duplicates: repeats(held.map((id) => captions[id])),
    poisonedRows: share(held, (id) => attacked.has(id)),
    matchedPoisoned: share(matched, (id) => attacked.has(id)),
    ...leaks(matches, dataset, truth),
    coverage: share(held, (id) => used.has(id)),
    sharedMatches: repeats(matched),
    meanAge: known.reduce((sum, age) => sum + age, 0) / known.length,
  };
}
