import { mentions, namesOf } from "../classes.ts";
import type { Dataset } from "../data/dataset.ts";
import { type Rate, wilson } from "../measures.ts";
import { NO_MATCH } from "../model.ts";
import { csvLine, type TruthRow } from "../truth.ts";

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

/** What one training pair was last matched to. */
export interface MatchRow {
  readonly row: number;
  readonly caption: string;
  /** The training pair whose caption it was matched to. */
  readonly matchedRow: number;
  readonly matchedCaption: string;
  /** What was done to the pair; "" where it is clean. */
  readonly attack: TruthRow["kind"] | "";
  /** Whether the matched caption is of an attacked pair. */
  readonly matchedPoisoned: boolean;
  /** Whether it names the class that the attack on the pair wants; "" where the pair is clean. */
  readonly namesTarget: boolean | "";
  /** Rows that were pushed into the pool after it; "" where it is no longer there. */
  readonly age: number | "";
}

const COLUMNS = [
  ...(["row", "caption", "matchedRow", "matchedCaption"] as const),
  ...(["attack", "matchedPoisoned", "namesTarget", "age"] as const),
] satisfies (keyof MatchRow)[];

/** The rows as CSV, under the names of their keys. */
export function formatMatches(rows: readonly MatchRow[]): string {
  const lines = [COLUMNS, ...rows.map((row) => COLUMNS.map((key) => String(row[key])))];
  return lines.map((line) => `${csvLine(line)}\n`).join("");
}

/** Captions of the pool from the row written last to the oldest: a caption's place is its age. */
function fromNewest({ ids, next }: PoolState): number[] {
  return Array.from(ids, (_, age) => ids[(next - 1 - age + 2 * ids.length) % ids.length]!);
}

/**
 * What each training pair was last matched to; pairs that never were are left out.
 *
 * @param pool      the run's state at its end
 * @param dataset   the training data, attacked
 * @param truth     which of its rows are attacked
 * @throws          Error unless there is a caption for each pair
 */
export function matchRows(
  pool: PoolState,
  dataset: Captioned,
  truth: readonly TruthRow[],
): MatchRow[] {
  const { captions } = dataset;
  const { matches } = pool;
  if (matches.length !== captions.length)
    throw new Error(
      `matchRows: every training pair must have a caption; found ${captions.length} for ` +
        `${matches.length} pairs; use the data of the run`,
    );
  const attacks = new Map(truth.map((attacked) => [attacked.row, attacked]));
  const classes = [...new Set(truth.map(({ targetClass }) => targetClass))];
  const names = new Map(classes.map((name) => [name, mentions(...namesOf(dataset, name))]));
  // A caption that is there twice has the age of its newer row.
  const ageOf = new Map([...fromNewest(pool).entries()].reverse().map(([age, id]) => [id, age]));
  return Array.from(matches).flatMap((matchedRow, row): MatchRow[] => {
    if (matchedRow === NO_MATCH) return [];
    const [caption, matchedCaption] = [captions[row]!, captions[matchedRow]!];
    const own = attacks.get(row);
    return [
      {
        ...{ row, caption, matchedRow, matchedCaption, attack: own?.kind ?? "" },
        matchedPoisoned: attacks.has(matchedRow),
        namesTarget: own ? names.get(own.targetClass)!(matchedCaption) : "",
        age: ageOf.get(matchedRow) ?? "",
      },
    ];
  });
}

/**
 * Audit of the caption pool: what it holds, what images were matched to, and whether poisoned
 * captions leak through it. Operands and errors are those of matchRows.
 */
export function poolAudit(
  pool: PoolState,
  dataset: Captioned,
  truth: readonly TruthRow[],
): PoolAudit {
  const rows = matchRows(pool, dataset, truth);
  const onAttacked = rows.filter(({ attack }) => attack !== "");
  const attacked = new Set(truth.map(({ row }) => row));
  const held = fromNewest(pool).filter((id) => id !== NO_MATCH);
  const matched = rows.map(({ matchedRow }) => matchedRow);
  const used = new Set(matched);
  const ages = rows.flatMap(({ age }) => (age === "" ? [] : [age]));
  return {
    rows: held.length,
    duplicates: repeats(held.map((id) => dataset.captions[id])),
    poisonedRows: share(held, (id) => attacked.has(id)),
    matchedPoisoned: share(rows, ({ matchedPoisoned }) => matchedPoisoned),
    attackedPoisoned: share(onAttacked, ({ matchedPoisoned }) => matchedPoisoned),
    attackedAdversarial: share(onAttacked, ({ namesTarget }) => namesTarget === true),
    coverage: share(held, (id) => used.has(id)),
    sharedMatches: repeats(matched),
    meanAge: ages.reduce((sum, age) => sum + age, 0) / ages.length,
  };
}
