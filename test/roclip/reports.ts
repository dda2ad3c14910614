import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { parseConfig } from "../../roclip/config.ts";
import { wilson } from "../../roclip/measures.ts";
import type { SweepReport } from "../../roclip/report/sweep.ts";
import type { EpochResult, ReportData } from "../../roclip/report.ts";
import type { Phase } from "../../roclip/schedule.ts";
import { type CellOutcome, type Row, settingRows } from "../../roclip/sweep/results.ts";

/** An epoch whose shares are all `share`. */
export function epochOf(epoch: number, phase: Phase, share: number): EpochResult {
  return {
    ...{ epoch, phase, loss: 4 - share, zeroShotTop1: share, classMean: share, psr: share },
    ...{ asr: share, trueClassTarget: share, trueClassTriggered: share },
    ...{ similarityClean: share, similarityAttacked: share / 2 },
    ...{ pairsPerSecond: 600, seconds: 2 },
  };
}

export const IMAGE = Uint8Array.from({ length: 4 * 4 * 3 }, (_, index) => index * 5);
/** Two runs and two attacked images, all made up. */
export const REPORT: ReportData = {
  title: "CLIP & RoCLIP",
  adapter: "an adapter <x>",
  command: "roclip demo --seed 3",
  config: parseConfig({ seed: 3 }),
  runs: [
    {
      defence: "clip",
      seed: 3,
      epochs: [epochOf(1, "plain", 0.25), epochOf(2, "plain", 0.875)],
      counts: { targets: 16, triggered: 100, heldOut: 200 },
    },
    {
      defence: "roclip",
      seed: 3,
      epochs: [epochOf(1, "plain", 0.25), epochOf(2, "matching", 0.125)],
    },
  ],
  gallery: [
    {
      ...{
        image: IMAGE,
        size: 4,
        kind: "poison",
        trigger: "",
        caption: "<script>alert(1)</script>",
      },
      ...{ matchedCaption: 'a "pool" caption', prediction: { clip: "flag", roclip: "face" } },
      ...{ trueClass: "face", targetClass: "flag" },
    },
    {
      ...{ image: IMAGE, size: 4, kind: "backdoor", trigger: "wanet", caption: "a hand" },
      ...{ prediction: { clip: "tree" } },
      ...{ trueClass: "face", targetClass: "hand" },
    },
  ],
  notes: ["Made up."],
};

/** A sweep's report without rows. */
export const SWEEP: SweepReport = {
  ...{ title: "A & B", command: "roclip sweep x.yaml", file: "cells: {judge: <1>}" },
  ...{ rows: [], outcomes: [], reports: {} },
};

/** A run of a sweep, made up: two epochs whose shares are all `share`. */
function outcomeOf(setting: string, seed: number, share: number): CellOutcome {
  const cell = { name: `${setting}_seed-${seed}`, setting, seed, choices: {} };
  const asked = { measures: [], on: {} };
  const epochs = [epochOf(1, "plain", share), epochOf(2, "matching", share)];
  const counts = { targets: 16, triggered: 100, heldOut: 200 };
  const result = { defence: "roclip", seed, epochs, counts } as const;
  return {
    cell: { ...cell, config: parseConfig({ seed }), asked },
    outcome: { kind: "done", result, measures: [], adapter: "x" },
  };
}

const unrun = { ...outcomeOf("plain", 2, 0), outcome: { kind: "missing" } as const };
const outcomes = [
  ...[outcomeOf("judge", 1, 0.25), outcomeOf("plain", 1, Number.NaN)],
  ...[outcomeOf("judge", 2, 0.5), unrun],
];

/** The report of a sweep of two settings, one attacked and run under both seeds. */
export const SWEPT: SweepReport = {
  ...SWEEP,
  outcomes,
  rows: settingRows({ axes: [] }, outcomes),
  reports: {
    "judge_seed-1": "judge_seed-1/report.html",
    "judge_seed-2": "judge_seed-2/report.html",
    "plain_seed-1": "../more/plain_seed-1/report.html",
  },
};

/** The settings of the published sweep that have runs, as rows of its table. */
export function publishedRows(): Row[] {
  const file = new URL("../../bench/results/fashion/cells.csv", import.meta.url);
  const cells: Record<string, string>[] = parse(readFileSync(file), { columns: true });
  const done = cells.filter(({ state }) => state === "done");
  return [...new Set(done.map(({ setting }) => setting!))].map((setting) => {
    const own = done.filter((cell) => cell.setting === setting);
    const sum = (of: (cell: Record<string, string>) => number) =>
      own.reduce((total, cell) => total + of(cell), 0);
    const rate = (name: string, cases: string) => {
      const successes = sum((cell) => Math.round(Number(cell[name]) * Number(cell[cases])));
      const { value, low, high, count } = wilson(
        successes,
        sum((cell) => Number(cell[cases])),
      );
      return count > 0 ? { [name]: value, [`${name}Low`]: low, [`${name}High`]: high } : {};
    };
    const zeroShotTop1 = sum((cell) => Number(cell.zeroShotTop1)) / own.length;
    const rates = { ...rate("psr", "targets"), ...rate("asr", "triggered") };
    return { setting, seeds: own.length, failed: 0, unfinished: 0, zeroShotTop1, ...rates };
  });
}
