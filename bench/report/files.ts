/** The files of `bench/results`: a folder for each adapter, and for each GPU compiled for. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
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
}

/** Every sweep whose tables are committed, in order of name. */
export function readSweeps(): SweepTables[] {
  return foldersOf(RESULTS).flatMap((name) => {
    const file = new URL(`${name}/results.md`, RESULTS);
    if (!existsSync(file)) return [];
    const pictured = existsSync(new URL("report.png", file));
    return [{ name, document: readFileSync(file, "utf8"), pictured }];
  });
}

/** What is written by hand of the results. */
export const readNotes = (): string => readFileSync(new URL("notes.md", RESULTS), "utf8");

/** The path of a file of rows. */
export const pathOf = (folder: string, file: string): string =>
  fileURLToPath(new URL(`${folder}/${file}.json`, RESULTS));
