/** What the tables of a sweep say, and what they are made of. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse as parseCsv } from "csv-parse/sync";
import { parquetReadObjects } from "hyparquet";
import { afterAll, describe, expect, it } from "vitest";
import { documentAgain } from "../../bench/report/files.ts";
import { wilson } from "../../roclip/measures.ts";
import { readSweep } from "../../roclip/sweep/file.ts";
import { writeTable } from "../../roclip/sweep/files.ts";
import { cellLines, parseCellLines } from "../../roclip/sweep/lines.ts";
import { type CellOutcome, cellRows, settingRows } from "../../roclip/sweep/results.ts";
import { sweepMarkdown, sweepText } from "../../roclip/sweep/text.ts";
import { GRID, outcomesOf, runOf } from "./sweeps.ts";

const folder = mkdtempSync(join(tmpdir(), "roclip-tables-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

describe("the table of a sweep", () => {
  const sweep = () => readSweep(file("grid.yaml", GRID));
  const outcomes = () => outcomesOf(sweep());

  it("pools the targets of all seeds, and takes means of what is no count", () => {
    const [weak, second, strong] = settingRows(sweep(), outcomes());
    const { low, high } = wilson(4, 32);
    expect(weak).toMatchObject({
      ...{ setting: "weak_frequency-1", attack: "weak", "roclip.frequency": "1" },
      ...{ seeds: 2, failed: 0, unfinished: 0, epoch: 3, epochKind: "matching" },
      ...{ psr: 4 / 32, psrLow: low, psrHigh: high, psrCases: 32, trueClassTarget: 0.875 },
      ...{ asr: null, asrLow: null, asrCases: 0, seconds: 4 },
    });
    expect(weak!.zeroShotTop1).toBeCloseTo(0.6, 12);
    expect(weak!["retrieval: R@1"]).toBeCloseTo(0.3, 12);
    expect(weak!["retrieval: R@1 Sd"]).toBeCloseTo(0.1 / Math.SQRT2, 12);
    expect(weak!["probe: λ"]).toBe(null);
    expect(strong!["retrieval: R@1"]).toBe(null);
    expect(weak!.zeroShotTop1Sd).toBeCloseTo(Math.SQRT2 / 10, 12);
    expect(second).toMatchObject({ seeds: 1, failed: 1, psr: 1, zeroShotTop1Sd: null });
    expect(strong).toMatchObject({ seeds: 0, unfinished: 2, epoch: null, psr: null });
  });

  it("is the same table for a terminal and as Markdown", () => {
    const rows = settingRows(sweep(), outcomes());
    expect(sweepText(rows, outcomes())).toMatch(/^R@5 +30.0% ± 7.1% +45.0%$/m);
    const document = sweepMarkdown("grid", "roclip sweep grid.yaml", rows, outcomes());
    expect(document).toContain("Seeds 1, 5; 3 of 10 runs done; adapter: x.");
    expect(document).toContain("| weak_frequency-1 | 2 | 3 | 60.0% ± 14.1% |");
    // Of settings that have any and of measures, whichever are more are lines.
    expect(document).toContain("| retrieval | weak_frequency-1 | weak_frequency-2 |");
    expect(document).toContain("| R@1 | 30.0% ± 7.1% | 45.0% |");
    expect(document).toContain("| detection | margin |");
    expect(document).toContain("| weak_frequency-1 | 0.6 ± 0.1414 |"); // not a share
    expect(document).not.toContain("λ"); // which no setting has
  });

  it("says of how many seeds, where those are not all of the sweep's", () => {
    const aside = GRID.replace("seeds:", "  aside: {epochs: 2, seeds: [5]}\nseeds:");
    const sweep = readSweep(file("aside.yaml", aside));
    const all = sweep.cells.map((cell): CellOutcome => {
      const result = runOf(cell.seed, 0.25, 0.5);
      const done = { kind: "done", result, measures: [], adapter: "x" } as const;
      const missing = cell.name === "plain_seed-5";
      return { cell, outcome: missing ? { kind: "missing" } : done };
    });
    const text = sweepText(settingRows(sweep, all), all);
    expect(text).toMatch(/^aside +1 of 1 /m);
    expect(text).toMatch(/^plain +1 of 2 /m);
    expect(text).toMatch(/^weak_frequency-1 +2 /m);
  });

  it("is the same table as CSV, JSON lines and Parquet", async () => {
    for (const rows of [settingRows(sweep(), outcomes()), cellRows(sweep(), outcomes())]) {
      await writeTable(join(folder, "table"), rows);
      const read = (ending: string) => readFileSync(join(folder, `table.${ending}`));
      const lines = read("jsonl").toString().trimEnd().split("\n");
      expect(lines.map((line) => JSON.parse(line))).toEqual(rows);
      const csv: Record<string, string>[] = parseCsv(read("csv"), { columns: true });
      const texts = rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([k, v]) => [k, v === null ? "" : String(v)])),
      );
      expect(csv).toEqual(texts);
      const bytes = Uint8Array.from(read("parquet"));
      expect(await parquetReadObjects({ file: bytes.buffer })).toEqual(rows);
    }
  });
});

describe("the cells of a sweep as lines", () => {
  const read = async (outcomes: readonly CellOutcome[], axes: readonly string[]) => {
    const path = join(folder, "kept");
    await writeTable(path, cellRows({ axes }, outcomes), cellLines(outcomes));
    return readFileSync(`${path}.jsonl`, "utf8");
  };

  it("are all that the tables are made of", async () => {
    const sweep = readSweep(file("grid.yaml", GRID));
    const all = outcomesOf(sweep);
    const rows = settingRows(sweep, all);
    const document = sweepMarkdown("grid", "roclip sweep grid.yaml", rows, all);
    const cells = await read(all, sweep.axes);
    expect(documentAgain({ name: "grid", document: document, pictured: false, cells })).toBe(
      document,
    );
    const again = parseCellLines(cells, "cells.jsonl");
    expect(settingRows(again, again.outcomes)).toEqual(rows);
    expect(cellRows(again, again.outcomes)).toEqual(cellRows(sweep, all));
    const [first] = cells.split("\n").map((line) => JSON.parse(line || "{}"));
    expect(first).toMatchObject({
      ...{ cell: "weak_frequency-1_seed-1", axes: { attack: "weak" }, seed: 1, state: "done" },
      ...{ config: { epochs: 3, poison: { captionsPerTarget: 2 } }, adapter: "x", seconds: 4 },
      ...{ epochs: [{ epoch: 3, psr: 0.25, asr: null, seconds: 4 }], counts: { targets: 16 } },
    });
  });

  it("of another version are refused", async () => {
    const sweep = readSweep(file("grid.yaml", GRID));
    const cells = await read(outcomesOf(sweep), sweep.axes);
    const newer = cells.replace(/"version":\d+(?=.*weak_frequency-2_seed-1)/, '"version":9');
    expect(() => parseCellLines(newer, "cells.jsonl")).toThrow(
      /cells.jsonl: line 2 must be of version 2; found 9/,
    );
  });
});
