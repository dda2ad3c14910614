import { type Rate, wilson } from "../measures.ts";
import type { TruthRow } from "../truth.ts";
import { detection } from "./detection.ts";

/** What judging came to (`roclip.judge`). */
export interface Judgement {
  /** Share of the clean, poisoned and triggered pairs judged so far that would be kept now. */
  readonly clean: Rate;
  readonly poison: Rate;
  readonly backdoor: Rate;
  /** Area under the ROC curve of the ranks: attacked pairs against clean ones. */
  readonly auroc: number;
}

/**
 * How well a judge tells attacked pairs from clean ones.
 *
 * @param ranks  f32[N], averaged ranks in [0, 1]; below 0 where a pair was not judged yet
 * @param share  pairs of at most this rank are kept
 * @param truth  which rows were attacked
 */
export function judgement(
  ranks: Float32Array,
  share: number,
  truth: readonly TruthRow[],
): Judgement {
  const kinds = new Map(truth.map(({ row, kind }) => [row, kind]));
  const judged = Array.from(ranks.keys()).filter((row) => ranks[row]! >= 0);
  const kept = (kind: TruthRow["kind"] | undefined) => {
    const rows = judged.filter((row) => kinds.get(row) === kind);
    return wilson(rows.filter((row) => ranks[row]! <= share).length, rows.length);
  };
  const { auroc } = detection(
    judged.map((row) => ranks[row]!),
    judged.map((row) => kinds.has(row)),
  );
  return { clean: kept(undefined), poison: kept("poison"), backdoor: kept("backdoor"), auroc };
}
