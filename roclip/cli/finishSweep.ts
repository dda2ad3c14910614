/** What a sweep leaves when its cells have run: tables, a document, a report. */
import { join, resolve } from "node:path";
import { writeAtomically } from "../checkpoint.ts";
import { sweepPicture } from "../report/picture.ts";
import { renderSweepReport, tradeoffsOf } from "../report/sweep.ts";
import { RUN_FILES } from "../runFolder.ts";
import { commandOf, type Emitted } from "../sweep/emit.ts";
import { writeTable } from "../sweep/files.ts";
import { cellLines } from "../sweep/lines.ts";
import { type CellOutcome, cellRows, settingRows } from "../sweep/results.ts";
import { sweepMarkdown, sweepText } from "../sweep/text.ts";

/** Write and print the table, and say what failed and what is not there. */
export async function finishSweep(
  { sweep, name, out }: Emitted,
  outcomes: readonly CellOutcome[],
): Promise<void> {
  const command = commandOf({ sweep, out });
  const rows = settingRows(sweep, outcomes);
  console.log(`\n${sweepText(rows, outcomes)}\n`);
  for (const { cell, outcome } of outcomes)
    if (outcome.kind === "failed")
      console.log(`Failed: ${cell.name}: ${outcome.error.split("\n")[0]}`);
  const unfinished = outcomes.filter(({ outcome }) => /begun|missing/.test(outcome.kind));
  if (unfinished.length > 0)
    console.log(
      `Not done: ${unfinished.map(({ cell }) => cell.name).join(", ")}. ` +
        `Go on with: ${command}`,
    );
  const written = [
    ...(await writeTable(join(out, "results"), rows)),
    ...(await writeTable(join(out, "cells"), cellRows(sweep, outcomes), cellLines(outcomes))),
  ];
  const document = join(out, "results.md");
  const text = sweepMarkdown(name, command, rows, outcomes);
  await writeAtomically(document, new TextEncoder().encode(text));
  console.log(`Tables: ${[document, ...written].join(", ")}`);
  const page = await renderSweepReport(name, command, rows);
  const report = resolve(join(out, RUN_FILES.report));
  await writeAtomically(report, new TextEncoder().encode(page));
  await writeAtomically(join(out, RUN_FILES.picture), await sweepPicture(tradeoffsOf(rows)));
  console.log(`Report: ${report}, ${RUN_FILES.picture}`);
}
