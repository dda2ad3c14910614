/** A sweep's file: settings, each a configuration, run under its seeds. */
import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { parse } from "yaml";
import type { MeasureGroup } from "../assess.ts";
import type { Attacks } from "../attack.ts";
import { type Config, parseConfig } from "../config.ts";
import { presetOf } from "../explain.ts";
import { isTree, merged } from "../overlay.ts";
import type { Source } from "../source.ts";
import { nearestName } from "../spelling.ts";
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
  /** What is measured of its model besides the table's own columns. */
  readonly asked: Asked;
}

/** Measures of a trained model, as `roclip evaluate` takes them. */
export interface Asked {
  readonly measures: readonly MeasureGroup[];
  /** Folders of evaluation sets, by their names, as the file has them: not where they are here. */
  readonly on: Readonly<Record<string, string>>;
  readonly perClass?: number;
  /** Attacks of another setting's run, of the same seed, that the model is also measured by. */
  readonly attacksOf?: { readonly setting: string; readonly attacks: Attacks };
}

/** A sweep as its file describes it. */
export interface Sweep {
  readonly file: string;
  /** Folder that its paths begin in; "" where the program runs. */
  readonly root: string;
  readonly source: Source;
  /** What is measured of every model. */
  readonly asked: Asked;
  /** Where the folders of evaluation sets are, by their names. */
  readonly sets: Readonly<Record<string, string>>;
  /** The names of the axes, in the file's order. */
  readonly axes: readonly string[];
  /** Seed by seed, so that what is there after an interruption compares settings. */
  readonly cells: readonly Cell[];
}

/** A cell before it is known what is measured of it. */
type Run = Omit<Cell, "asked">;

/** @throws UserError where a configuration has a seed of its own: a sweep's are listed apart */
function refuseSeed(file: string, where: string, config: unknown): void {
  if (!isTree(config) || !("seed" in config)) return;
  throw fault(file, `${where} must leave the seed out; found one; list it under "seeds"`);
}

/** @throws UserError when two cells have one name or one configuration */
function requireDifferent(file: string, cells: readonly Run[]): void {
  for (const of of [(cell: Run) => cell.name, (cell: Run) => JSON.stringify(cell.config)]) {
    const known = new Map<string, Run>();
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

/** The runs of the settings that are run under a seed, in their order. */
function runsUnder(
  seed: number,
  { file, out, base }: { file: string; out: string; base: unknown },
  settings: readonly Setting[],
): Run[] {
  const run = settings.filter(({ seeds }) => seeds === undefined || seeds.includes(seed));
  const names = run.map(({ name }) => name);
  return run.map(({ name: setting, choices, config }, i): Run => {
    refuseSeed(file, `"${setting}"`, config);
    const whole = merged(merged(base, config), { seed }) as Record<string, unknown>;
    const place = { out, seed, before: names.slice(0, i) };
    const own = configOf(`${file}: ${setting}`, whole, place);
    return { name: cellName(setting, seed), setting, seed, choices, ...own };
  });
}

/** Runs with what is measured of each. @throws UserError where attacksOf names what is not run */
function cellsOf(
  file: string,
  runs: readonly Run[],
  asked: Asked,
  attacksOf: SweepFile["attacksOf"],
): Cell[] {
  const settings = [...new Set(runs.map(({ setting }) => setting))];
  const absent = Object.entries(attacksOf)
    .flat()
    .find((name) => !settings.includes(name));
  if (absent !== undefined)
    throw fault(
      file,
      `attacksOf must name settings of the sweep; found "${absent}"; ` +
        `did you mean "${nearestName(absent, settings)}"?`,
    );
  return runs.map((run) => {
    const setting = attacksOf[run.setting];
    if (setting === undefined) return { ...run, asked };
    const other = runs.find(({ name }) => name === cellName(setting, run.seed));
    if (!other)
      throw fault(
        file,
        `attacksOf.${run.setting}: the other setting must be run under the same seeds; ` +
          `"${setting}" is not under ${run.seed}; change the seeds of either`,
      );
    const { poison, backdoor, backdoors, attackSeed, seed } = other.config;
    const attacks = { poison, backdoor, backdoors, attackSeed, seed };
    return { ...run, asked: { ...asked, attacksOf: { setting, attacks } } };
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
  const runs = seeds.flatMap((seed) => runsUnder(seed, { file, out, base }, settings));
  requireDifferent(file, runs);
  const { measures, perClass, attacksOf, on } = read.data;
  const sets = Object.fromEntries(
    Object.entries(on).map(([name, folder]) => [name, under(root, folder)]),
  );
  const asked = { measures, on, ...(perClass !== undefined && { perClass }) };
  const cells = cellsOf(file, runs, asked, attacksOf);
  const files = { file, root, source: sourceUnder(root, source), sets };
  return { ...files, asked, axes: Object.keys(axes), cells };
}
