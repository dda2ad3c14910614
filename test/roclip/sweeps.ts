/** Sweeps without runs: what their cells might have come to. */
import type { MeasureRow } from "../../roclip/assess.ts";
import type { RunResult } from "../../roclip/report/data.ts";
import type { Sweep } from "../../roclip/sweep/file.ts";
import type { CellOutcome } from "../../roclip/sweep/results.ts";

/** A sweep's file: five settings under two seeds. */
export const GRID = `
config: {epochs: 3, roclip: {firstEpoch: 2}}
axes:
  attack:
    weak: {poison: {captionsPerTarget: 2}}
    strong: {poison: {captionsPerTarget: 8}, roclip: {poolSize: 64}}
  roclip.frequency: [1, 2]
cells:
  plain: {defence: clip}
seeds: [1, 5]
`;

/** A run that ended with these shares. */
export function runOf(seed: number, psr: number, zeroShotTop1: number): RunResult {
  const shares = { zeroShotTop1, classMean: zeroShotTop1, psr, asr: Number.NaN };
  const rest = { trueClassTarget: 1 - psr, trueClassTriggered: Number.NaN };
  const epoch = { epoch: 3, phase: "matching", loss: 1, ...shares, ...rest } as const;
  const counts = { targets: 16, triggered: 0, heldOut: 100 };
  return { defence: "clip", seed, epochs: [{ ...epoch, pairsPerSecond: 10, seconds: 4 }], counts };
}

/** What might have been asked of its model. */
const measuresOf = ({ seed, epochs }: RunResult): MeasureRow[] => [
  ...["R@1", "R@5", "R@10"].map((measure) => {
    return { group: "retrieval", measure, value: epochs[0]!.zeroShotTop1 / 2, cases: 10 };
  }),
  { group: "detection", measure: "margin", value: epochs[0]!.zeroShotTop1 },
  ...(seed === 1 ? [{ group: "probe", measure: "λ", value: null }] : []),
];

/** Both seeds of the first setting; of the second one is done, one failed; the others are not. */
export const outcomesOf = ({ cells }: Pick<Sweep, "cells">): CellOutcome[] =>
  cells.map((cell, i) => {
    if (i === 6) return { cell, outcome: { kind: "failed", error: 'out, of "memory"\nat x' } };
    const result = { 0: runOf(1, 0.25, 0.5), 5: runOf(5, 0, 0.7), 1: runOf(1, 1, 0.9) }[i];
    return result
      ? { cell, outcome: { kind: "done", result, measures: measuresOf(result), adapter: "x" } }
      : { cell, outcome: { kind: "missing" } };
  });
