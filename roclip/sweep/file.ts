/** A sweep's file: settings, each a configuration, run under its seeds. */
import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { parse } from "yaml";
import type { MeasureGroup } from "../assess.ts";
import { type Config, parseConfig } from "../config.ts";
import { presetOf } from "../explain.ts";
import { isTree, merged } from "../overlay.ts";
import type { Source } from "../source.ts";
import { explain, fault, SWEEP, type SweepFile } from "./schema.ts";
import { type Setting, settingsOf } from "./settings.ts";

/** One run of a sweep. */
export interface Cell {
  /** Its name, and that of its folder: the setting and the seed. */
  readonly name: string;
  readonly setting: string;
  readonly seed: number;
  /** What was chosen on each axis; empty for a named setting. */
  readonly choices: Readonly<Record<string, string>>;
  readonly config: Config;
  /** Name of the cell whose weights it begins with. */
  readonly after?: string;
}

/** Measures of a trained model, as `roclip evaluate` takes them. */
export interface Asked {
  readonly measures: readonly MeasureGroup[];
  /** Folders of evaluation sets, by their names. */
  readonly on: Readonly<Record<string, string>>;
  readonly perClass?: number;
}

/** A sweep as its file describes it. */
export interface Sweep {
  readonly file: string;
  /** Folder that its paths begin in; "" where the program runs. */
  readonly root: string;
  readonly source: Source;
  /** What is measured of every model besides the table's own columns. */
  readonly asked: Asked;
  /** The names of the axes, in the file's order. */
  readonly axes: readonly string[];
  /** Seed by seed, so that what is there after an interruption compares settings. */
  readonly cells: readonly Cell[];
}

/** @throws UserError where a configuration has a seed of its own: a sweep's are listed apart */
function refuseSeed(file: string, where: string, config: unknown): void {
  if (!isTree(config) || !("seed" in config)) return;
  throw fault(file, `${where} must leave the seed out; found one; list it under "seeds"`);
}

/** @throws UserError when two cells have one name or one configuration */
function requireDifferent(file: string, cells: readonly Cell[]): void {
  for (const of of [(cell: Cell) => cell.name, (cell: Cell) => JSON.stringify(cell.config)]) {
    const known = new Map<string, Cell>();
    for (const cell of cells) {
      const other = known.get(of(cell));
      if (other)
        throw fault(
          file,
          `every cell must have a name and a configuration of its own; ` +
            `"${other.name}" and "${cell.name}" are alike; leave one out`,
        );
      known.set(of(cell), cell);
    }
  }
}

/** The name of a setting's run under a seed. */
const cellName = (setting: string, seed: number) => `${setting}_seed-${seed}`;

const CELL = "cell:"; // before a setting's name, in place of a path to weights

/** A cell's configuration; it may begin with the weights of a setting before it, same seed. */
function configOf(
  file: string,
  config: Record<string, unknown>,
  { out, seed, before }: { out: string; seed: number; before: readonly string[] },
): Pick<Cell, "config" | "after"> {
  const { pretrained } = config;
  if (typeof pretrained !== "string" || !pretrained.startsWith(CELL))
    return { config: parseConfig(config, file) };
  const name = pretrained.slice(CELL.length);
  if (!before.includes(name))
    throw fault(
      file,
      `pretrained: after "${CELL}" must come a setting that is run before; found "${name}"; ` +
        `before it come ${before.join(", ") || "none"}`,
    );
  const after = cellName(name, seed);
  return { config: parseConfig({ ...config, pretrained: join(out, after) }, file), after };
}

/** The cells of the settings that are run under a seed, in their order. */
function cellsUnder(
  seed: number,
  { file, out, base }: { file: string; out: string; base: unknown },
  settings: readonly Setting[],
): Cell[] {
  const run = settings.filter(({ seeds }) => seeds === undefined || seeds.includes(seed));
  const names = run.map(({ name }) => name);
  return run.map(({ name: setting, choices, config }, i): Cell => {
    refuseSeed(file, `"${setting}"`, config);
    const whole = merged(merged(base, config), { seed }) as Record<string, unknown>;
    const place = { out, seed, before: names.slice(0, i) };
    const own = configOf(`${file}: ${setting}`, whole, place);
    return { name: cellName(setting, seed), setting, seed, choices, ...own };
  });
}

/** A path as seen from where the program runs. */
const under = (root: string, path: string) => (isAbsolute(path) ? path : join(root, path));

/** A source whose paths begin in a folder. */
function sourceUnder(root: string, source: SweepFile["source"]): Source {
  if (!source) return { kind: "emoji" };
  const { data, images, test, classNames } = source;
  const paths = {
    data: under(root, data),
    images: under(root, images),
    ...(test !== undefined && { test: under(root, test) }),
    ...(typeof classNames === "string" && { classNames: under(root, classNames) }),
  };
  return { kind: "manifest", ...source, ...paths } as Source;
}

/**
 * Read a sweep's file.
 *
 * @param file  JSON or YAML
 * @param root  folder that its paths begin in
 * @param out   folder of its cells
 * @throws      UserError naming what is wrong: unreadable, unknown keys (with the nearest known
 *              one), an empty axis, a configuration that does not hold, two cells alike
 */
export function readSweep(file: string, root = "", out = ""): Sweep {
  let json: unknown;
  try {
    json = parse(readFileSync(file, "utf8"));
  } catch (cause) {
    const found = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw fault(file, `must be a readable JSON or YAML file; ${found}; check the path and text`);
  }
  const read = SWEEP.safeParse(json);
  if (!read.success) throw explain(file, read.error);
  const { preset, source, config, axes, seeds } = read.data;
  refuseSeed(file, "config", config);
  const base = merged(preset === undefined ? {} : presetOf(preset).config, config);
  const settings = settingsOf(file, read.data);
  const cells = seeds.flatMap((seed) => cellsUnder(seed, { file, out, base }, settings));
  requireDifferent(file, cells);
  const { measures, perClass } = read.data;
  const on = Object.fromEntries(
    Object.entries(read.data.on).map(([name, folder]) => [name, under(root, folder)]),
  );
  const asked = { measures, on, ...(perClass !== undefined && { perClass }) };
  return { file, root, source: sourceUnder(root, source), asked, axes: Object.keys(axes), cells };
}
