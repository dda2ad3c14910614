/** The ablation of the sweep `fashion`: its strong attack, one setting changed at a time. */
import type { TopLevelSpec } from "vega-lite";
import { parseCellLines } from "../../roclip/sweep/lines.ts";
import { type CellOutcome, settingRows } from "../../roclip/sweep/results.ts";
import { percent } from "../../roclip/table.ts";
import type { SweepTables } from "./files.ts";
import { table } from "./markdown.ts";
import { FIGURE, nominal, quantitative } from "./vega.ts";

const SEED = 1; // settings beside the main ones were run under it alone

/** What the table shows of each setting, beside a row's name for it. */
const COLUMNS = {
  "zero-shot": "zeroShotTop1",
  "class mean": "classMean",
  "linear probe": "probe: linear probe top-1",
  PSR: "psr",
  ASR: "asr",
  "clean pairs kept": "detection: judge: clean pairs kept",
  "poisoned pairs kept": "detection: judge: poisoned pairs kept",
} as const;

/** Settings whose epochs are drawn, in order of the legend. */
const DRAWN = /^strong(_(clip|roclip|judge)|-judge-\w+)$/;

/** The runs: those of the strong attack, and of clean data. */
function runsOf({ name, cells }: SweepTables): readonly CellOutcome[] {
  const { outcomes } = parseCellLines(cells, `${name}/cells.jsonl`);
  return outcomes.filter(
    ({ cell: { setting, seed }, outcome }) =>
      seed === SEED && outcome.kind === "done" && /^(clean$|strong)/.test(setting),
  );
}

/** A row for each setting, at its last epoch. */
export function ablationTable(sweep: SweepTables): string {
  const rows = settingRows({ axes: [] }, runsOf(sweep)).map((row) => [
    String(row.setting),
    ...Object.values(COLUMNS).map((name) => percent(row[name] as number | null)),
  ]);
  return table(["setting", ...Object.keys(COLUMNS)], rows);
}

/** The figure of PSR and class mean by epoch: CLIP, RoCLIP and each of the judge's settings. */
export function ablationSpec(sweep: SweepTables): TopLevelSpec {
  const values = runsOf(sweep).flatMap(({ cell: { setting }, outcome }) =>
    outcome.kind === "done" && DRAWN.test(setting)
      ? outcome.result.epochs.map(({ epoch, psr, classMean }) => ({
          setting,
          epoch,
          psr,
          classMean,
        }))
      : [],
  );
  const panel = (field: "psr" | "classMean", title: string) => ({
    width: 330,
    height: 260,
    title,
    mark: { type: "line" as const, point: { size: 24 }, strokeWidth: 2 },
    encoding: {
      x: { field: "epoch", type: quantitative, axis: { title: "epoch", tickMinStep: 1 } },
      y: { field, type: quantitative, axis: { title: null, format: ".0%" } },
      color: {
        ...{ field: "setting", type: nominal, sort: null, title: null },
        scale: { scheme: "tableau10" as const },
      },
    },
  });
  return {
    ...FIGURE,
    data: { values },
    hconcat: [panel("psr", "Poison success (PSR)"), panel("classMean", "Class mean")],
  };
}
