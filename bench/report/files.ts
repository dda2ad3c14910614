/** The files of `bench/results`: a folder for each adapter, and for each GPU compiled for. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../roclip/errors.ts";
import { parseCellLines } from "../../roclip/sweep/lines.ts";
import { settingRows } from "../../roclip/sweep/results.ts";
import { sweepMarkdown } from "../../roclip/sweep/text.ts";
import type { IsaRow } from "../isa/bound.ts";
import type { RungRow } from "../ladder/measure.ts";
import type { Host, Machine } from "../machine.ts";
import type { Comparison } from "../peers/compare.ts";
import type { SearchRow } from "../scale/search.ts";
import type { StepRow } from "../scale/step.ts";
import type { WholeStep } from "../stepCommand.ts";

/** Where the project begins. */
export const ROOT = new URL("../../", import.meta.url);
const RESULTS = new URL("bench/results/", ROOT);

interface Measured {
  readonly machine: Machine;
}

/** What each file of a folder holds; all as `--json` of the command of that name writes it. */
export interface Folder {
  readonly name: string;
  /** The machine is absent from files older than its record, which name the adapter alone. */
  readonly peers?: Partial<Measured> & Comparison & { readonly device?: string };
  readonly step?: Measured & { readonly steps: readonly WholeStep[] };
  readonly scale?: Measured & {
    readonly searches: readonly SearchRow[];
    readonly steps: readonly StepRow[];
  };
  readonly ladder?: Measured & { readonly rows: readonly RungRow[] };
  readonly isa?: { readonly host: Host; readonly rows: readonly IsaRow[] };
  /** Of other engines' shaders the hottest of each engine and op. */
  readonly captured?: {
    readonly host: Host;
    /** The adapter that the engines made them for. */
    readonly capturedOn: string;
    readonly rows: readonly IsaRow[];
  };
}

/** The files of a folder that are there. */
function readFolder(name: string): Folder {
  const folder = new URL(`${name}/`, RESULTS);
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  const entries = files.map((file): [string, unknown] => {
    return [
      file.slice(0, -".json".length),
      JSON.parse(readFileSync(new URL(file, folder), "utf8")),
    ];
  });
  return { name, ...Object.fromEntries(entries) };
}

/** The names of the folders in one, in order. */
function foldersOf(url: URL): string[] {
  if (!existsSync(url)) return [];
  const entries = readdirSync(url, { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
}

/** Everything that has been measured and committed, in order of name. */
export const readResults = (): Folder[] => foldersOf(RESULTS).map(readFolder);

/** The tables of a sweep, as `roclip sweep` wrote them. */
export interface SweepTables {
  readonly name: string;
  /** Its `results.md`. */
  readonly document: string;
  /** Whether its `report.png` is beside it. */
  readonly pictured: boolean;
  /** Its `cells.jsonl`, which the document is made of. */
  readonly cells: string;
}

/** Every sweep whose tables are committed, in order of name. */
export function readSweeps(): SweepTables[] {
  return foldersOf(RESULTS).flatMap((name) => {
    const file = new URL(`${name}/results.md`, RESULTS);
    if (!existsSync(file)) return [];
    const pictured = existsSync(new URL("report.png", file));
    const cells = readFileSync(new URL("cells.jsonl", file), "utf8");
    return [{ name, document: readFileSync(file, "utf8"), pictured, cells }];
  });
}

/** What is written by hand of the results. */
export const readNotes = (): string => readFileSync(new URL("notes.md", RESULTS), "utf8");

/** What is published of a sweep. */
const SWEEP_FILES = ["results.md", "cells.csv", "cells.jsonl", "report.png"];

/**
 * Publish a sweep: copy those of its files that are there to a folder of its name.
 *
 * @param to  where the folders of sweeps are
 * @throws    UserError when the folder is not a sweep's
 */
export function publishSweep(folder: string, to: URL = RESULTS): void {
  if (!existsSync(join(folder, SWEEP_FILES[0]!)))
    throw new UserError(
      `${folder}: a sweep's folder must hold ${SWEEP_FILES[0]}; it does not; ` +
        "give one that roclip sweep wrote, or write it with --collect",
    );
  const own = new URL(`${basename(resolve(folder))}/`, to);
  mkdirSync(own, { recursive: true });
  for (const file of SWEEP_FILES) {
    rmSync(new URL(file, own), { force: true }); // one of another run would not agree
    if (existsSync(join(folder, file))) copyFileSync(join(folder, file), new URL(file, own));
  }
}

/** A sweep's document made again of its cells; its title and command are as it says. */
export function documentAgain({ name, document, cells }: SweepTables): string {
  const [, title = name] = /^# (.+)$/m.exec(document) ?? [];
  const [, command = ""] = /^`(.+)`$/m.exec(document) ?? [];
  const { axes, outcomes } = parseCellLines(cells, `${name}/cells.jsonl`);
  return sweepMarkdown(title, command, settingRows({ axes }, outcomes), outcomes);
}

/** The path of a file of rows. */
export const pathOf = (folder: string, file: string): string =>
  fileURLToPath(new URL(`${folder}/${file}.json`, RESULTS));
