/** What a sweep leaves when its cells have run: tables, a document, a report. */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { writeAtomically } from "../checkpoint.ts";
import { sweepPicture } from "../report/picture.ts";
import { renderSweepReport, tradeoffsOf } from "../report/sweep.ts";
import { RUN_FILES } from "../runFolder.ts";
import { commandOf, type Emitted } from "../sweep/emit.ts";
import type { Sweep } from "../sweep/file.ts";
import { writeTable } from "../sweep/files.ts";
import { CELLS, cellLines } from "../sweep/lines.ts";
import { type CellOutcome, cellFolder, cellRows, settingRows } from "../sweep/results.ts";
import { sweepMarkdown, sweepText } from "../sweep/text.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** The cells' own reports that are there, each in the first of the folders, as seen from `out`. */
function reportsOf({ cells }: Sweep, out: string, folders: readonly string[]) {
  const found = cells.flatMap((cell): [string, string][] => {
    const paths = folders.map((folder) => join(cellFolder(folder, cell), RUN_FILES.report));
    const path = paths.find((path) => existsSync(path));
    if (path === undefined) return [];
    return [[cell.name, relative(out, path).split(sep).map(encodeURIComponent).join("/")]];
  });
  return Object.fromEntries(found);
}

/** Say what failed and what is not there. */
function sayWhatIsLeft(command: string, outcomes: readonly CellOutcome[]): void {
  for (const { cell, outcome } of outcomes)
    if (outcome.kind === "failed")
      console.log(`Failed: ${cell.name}: ${outcome.error.split("\n")[0]}`);
  const unfinished = outcomes.filter(({ outcome }) => /begun|missing/.test(outcome.kind));
  if (unfinished.length > 0)
    console.log(
      `Not done: ${unfinished.map(({ cell }) => cell.name).join(", ")}. ` +
        `Go on with: ${command}`,
    );
}

/**
 * Write and print the tables, write the report, and say what failed and what is not there.
 *
 * @param folders  of the sweep, where its cells may be
 */
export async function finishSweep(
  { sweep, name, out }: Emitted,
  outcomes: readonly CellOutcome[],
  folders: readonly string[] = [out],
): Promise<void> {
  const command = commandOf({ sweep, out });
  const rows = settingRows(sweep, outcomes);
  console.log(`\n${sweepText(rows, outcomes)}\n`);
  sayWhatIsLeft(command, outcomes);
  await mkdir(out, { recursive: true });
  const written = [
    ...(await writeTable(join(out, "results"), rows)),
    ...(await writeTable(join(out, CELLS), cellRows(sweep, outcomes), cellLines(outcomes))),
  ];
  const document = join(out, "results.md");
  const text = sweepMarkdown(name, command, rows, outcomes);
  await writeAtomically(document, encode(text));
  console.log(`Tables: ${[document, ...written].join(", ")}`);
  const file = await readFile(sweep.file, "utf8");
  const reports = reportsOf(sweep, out, folders);
  const shown = { title: name, command, file, rows, outcomes, reports };
  const report = resolve(join(out, RUN_FILES.report));
  await writeAtomically(report, encode(await renderSweepReport(shown)));
  const picture = await sweepPicture(tradeoffsOf(rows));
  if (picture) await writeAtomically(join(out, RUN_FILES.picture), picture);
  console.log(`Report: ${report}${picture ? `, ${RUN_FILES.picture}` : ""}`);
}
