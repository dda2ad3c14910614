/** Every cell of a sweep as a line of JSON: all that its tables are made of. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import type { Cell } from "./file.ts";
import { asDone, type CellOutcome, type Outcome, requireSame, VERSION } from "./results.ts";

/** Where a sweep writes its cells, without the ending of a file. */
export const CELLS = "cells";

/** What a line has beside its version. */
interface Line extends Omit<Cell, "name" | "choices" | "after"> {
  readonly cell: string;
  readonly axes: Cell["choices"];
  readonly state: Outcome["kind"];
}

/** The outcome of a cell as keys of its line. */
function outcomeKeys(outcome: Outcome): object {
  if (outcome.kind === "failed") return { error: outcome.error };
  if (outcome.kind !== "done") return {};
  const { result, measures, adapter } = outcome;
  const seconds = result.epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  return { adapter, seconds, ...result, measures };
}

/**
 * A line for each cell: its setting, seed and configuration, and what it came to: every epoch as it
 * was measured, with its time, and what was asked of the model besides.
 */
export function cellLines(outcomes: readonly CellOutcome[]): object[] {
  return outcomes.map(({ cell, outcome }) => {
    const { name, setting, choices, seed, config, asked } = cell;
    const line: Line = {
      cell: name,
      setting,
      axes: choices,
      seed,
      state: outcome.kind,
      config,
      asked,
    };
    return { version: VERSION, ...line, ...outcomeKeys(outcome) };
  });
}

function outcomeOf(line: Line & Record<string, unknown>): Outcome {
  const { state, adapter, measures, defence, seed, epochs, counts, error } = line;
  if (state === "failed") return { kind: state, error: String(error) };
  if (state !== "done") return { kind: state };
  const result = { defence, seed, epochs, ...(counts !== undefined && { counts }) };
  return { kind: state, ...asDone({ result, measures, adapter }) };
}

/**
 * Read lines back: with them the tables can be made again.
 *
 * @param where  what to call the text in an error: its path
 * @throws       UserError unless every line is of this version
 */
export function parseCellLines(text: string, where: string) {
  const lines = text.trimEnd().split("\n");
  const outcomes = lines.map((json, i): CellOutcome => {
    const line = JSON.parse(json) as Line & Record<string, unknown>;
    if (line.version !== VERSION)
      throw new UserError(
        `${where}: line ${i + 1} must be of version ${VERSION}; found ` +
          `${JSON.stringify(line.version) ?? "none"}; make it again with roclip sweep`,
      );
    const { cell: name, setting, axes: choices, seed, config, asked } = line;
    return { cell: { name, setting, choices, seed, config, asked }, outcome: outcomeOf(line) };
  });
  const axes = [...new Set(outcomes.flatMap(({ cell }) => Object.keys(cell.choices)))];
  return { axes, outcomes };
}

/**
 * What the lines in a sweep's folder say of its cells that are done or failed: enough where the
 * cells' own folders are not at hand. A cell of which other measures were asked is not among them.
 *
 * @returns  by the cell's name; empty where the folder has no lines
 * @throws   UserError when a line is of another configuration, or of another version
 */
export async function outcomesOfLines(
  folder: string,
  cells: readonly Cell[],
): Promise<ReadonlyMap<string, Outcome>> {
  const path = join(folder, `${CELLS}.jsonl`);
  if (!existsSync(path)) return new Map();
  const { outcomes } = parseCellLines(await readFile(path, "utf8"), path);
  const found = new Map(outcomes.map((line) => [line.cell.name, line]));
  return new Map(
    cells.flatMap((cell): [string, Outcome][] => {
      const line = found.get(cell.name);
      if (line?.outcome.kind !== "done" && line?.outcome.kind !== "failed") return [];
      requireSame(path, cell, line.cell.config);
      const same = JSON.stringify(line.cell.asked) === JSON.stringify(cell.asked);
      return same ? [[cell.name, line.outcome]] : [];
    }),
  );
}
