import { describe, expect, it } from "vitest";
import type { EpochResult } from "../../roclip/report/data.ts";
import { formatTable, resultRows } from "../../roclip/table.ts";

/** An epoch with these measures. */
function epochOf(epoch: number, zeroShotTop1: number, psr: number): EpochResult {
  return {
    ...{ epoch, phase: "plain" as const, loss: 1, zeroShotTop1, classMean: 0.25, psr, asr: 0.0625 },
    ...{ trueClassTarget: 0, trueClassTriggered: 0, pairsPerSecond: 1234.4, seconds: 1 },
  };
}

const runs = [
  { defence: "clip" as const, seed: 1, epochs: [epochOf(1, 0.1, 0), epochOf(20, 0.3705, 0.875)] },
  { defence: "roclip" as const, seed: 12, epochs: [epochOf(20, 1, Number.NaN)] },
  { defence: "roclip" as const, seed: 13, epochs: [] },
];

describe("resultRows", () => {
  it("is the last epoch of each run, ready for JSON", () => {
    expect(resultRows(runs)).toEqual([
      {
        ...{ defence: "clip", seed: 1, epoch: 20, zeroShotTop1: 0.3705, classMean: 0.25 },
        ...{ psr: 0.875, asr: 0.0625, pairsPerSecond: 1234.4 },
      },
      {
        ...{ defence: "roclip", seed: 12, epoch: 20, zeroShotTop1: 1, classMean: 0.25 },
        ...{ psr: null, asr: 0.0625, pairsPerSecond: 1234.4 },
      },
    ]);
  });
});

describe("formatTable", () => {
  it("lines columns up", () => {
    expect(formatTable(resultRows(runs))).toBe(
      [
        "defence  seed  epoch  zero-shot  class mean    PSR   ASR  pairs/s",
        "───────  ────  ─────  ─────────  ──────────  ─────  ────  ───────",
        "CLIP        1     20      37.0%       25.0%  87.5%  6.3%     1234",
        "RoCLIP     12     20     100.0%       25.0%      –  6.3%     1234",
      ].join("\n"),
    );
  });
});
