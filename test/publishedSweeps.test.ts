/** What is published of sweeps: copies of their files, and tables that their cells make again. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { documentAgain, publishSweep, readSweeps } from "../bench/report/files.ts";

describe("published results", () => {
  it("of sweeps are what their cells say", () => {
    for (const sweep of readSweeps()) expect(documentAgain(sweep), sweep.name).toBe(sweep.document);
  });

  it("of a sweep are copied from its folder, and nothing older is left", () => {
    const root = mkdtempSync(join(tmpdir(), "roclip-results-"));
    const [from, to] = [join(root, "runs", "small"), pathToFileURL(`${root}/results/`)];
    expect(() => publishSweep(from, to)).toThrow(/small: a sweep's folder must hold results.md/);
    mkdirSync(from, { recursive: true });
    const fill = (text: string, ...files: string[]) => {
      for (const file of files) writeFileSync(join(from, file), text);
    };
    const published = () => {
      const files = readdirSync(new URL("small/", to)).sort();
      return files.map((file) => [file, readFileSync(new URL(`small/${file}`, to), "utf8")]);
    };
    fill("old", "results.md", "cells.csv", "cells.jsonl", "report.html");
    publishSweep(from, to);
    expect(published()).toEqual([
      ...[
        ["cells.csv", "old"],
        ["cells.jsonl", "old"],
        ["results.md", "old"],
      ],
    ]);
    rmSync(join(from, "cells.jsonl"));
    fill("new", "results.md", "report.png");
    publishSweep(`${from}/`, to);
    expect(published()).toEqual([
      ...[
        ["cells.csv", "old"],
        ["report.png", "new"],
        ["results.md", "new"],
      ],
    ]);
    rmSync(root, { recursive: true });
  });
});
