/** A sweep's file: settings, each a configuration, run under the same seeds. */
import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { MEASURES, type MeasureGroup } from "../assess.ts";
import { type Config, parseConfig } from "../config.ts";
import { LABEL_NAMES } from "../data/labelNames.ts";
import { UserError } from "../errors.ts";
import { presetOf } from "../explain.ts";
import { isTree, merged } from "../overlay.ts";
import type { Source } from "../source.ts";
import { nearestName } from "../spelling.ts";

const keys = () => z.record(z.string(), z.unknown());
const path = () => z.string().min(1);

const SOURCE = z.strictObject({
  data: path().describe("training table"),
  images: path().describe("folder, .tar or .tar.gz of its images"),
  test: path().optional().describe("held-out table"),
  imageColumn: path().optional(),
  captionColumn: path().optional(),
  labelColumn: path().optional(),
  classNames: z.union([path(), LABEL_NAMES]).optional().describe("what captions call the labels"),
  minClass: z.int().min(1).default(100).describe("training rows that make a label a class"),
  prompts: z
    .array(z.string())
    .min(1)
    .default(["{}", "a photo of {}"])
    .describe("of zero-shot classification"),
});

const SWEEP = z.strictObject({
  preset: z.string().optional().describe("named configuration under all settings"),
  source: SOURCE.optional().describe("where the data is; without it the emoji"),
  config: keys().default({}).describe("configuration keys that all settings share"),
  axes: z
    .record(z.string(), z.union([z.array(z.unknown()), z.record(z.string(), keys())]))
    .default({})
    .describe("values of a configuration key, or named configurations; every combination is run"),
  cells: z.record(z.string(), keys()).default({}).describe("named settings beside the grid"),
  measures: z.array(z.enum(MEASURES)).default([]).describe("of every model when it is trained"),
  on: z.record(z.string(), path()).default({}).describe("folders of evaluation sets, by name"),
  perClass: z.int().min(1).optional().describe("training images of a class there, at most"),
  seeds: z.array(z.int().min(0)).min(1).default([1]).describe("every setting is run under each"),
});

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

/** A point of an axis: its name in tables, its part of a cell's name, and the keys it sets. */
interface Choice {
  readonly name: string;
  readonly part: string;
  readonly config: unknown;
}

/** A setting before its seeds. */
interface Setting {
  readonly name: string;
  readonly choices: Readonly<Record<string, string>>;
  readonly config: unknown;
}

const textOf = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

/** Letters that a folder's name may have on any system; the others become dashes. */
const safe = (text: string) => text.replace(/[^\p{L}\p{N}.+-]+/gu, "-").replace(/^[-.]+|-+$/g, "");

/** `value` under a dotted key. */
function nested(key: string, value: unknown): unknown {
  return key.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
}

/** What is wrong with a file, in the house form. */
function fault(file: string, text: string): UserError {
  return new UserError(`${file}: ${text}`);
}

/** The issues of a file that has not the form of a sweep. */
function explain(file: string, { issues }: z.ZodError): UserError {
  const known = { "": Object.keys(SWEEP.shape), source: Object.keys(SOURCE.shape) };
  const lines = issues.flatMap((issue) => {
    const where = issue.path.join(".");
    if (issue.code !== "unrecognized_keys")
      return [`${where || "a sweep"} must be as --help describes it; ${issue.message}; correct it`];
    const names = known[where as keyof typeof known];
    return issue.keys.map(
      (key) =>
        `every key must be one of ${names.join(", ")}; found "${key}"; ` +
        `did you mean "${nearestName(key, names)}"?`,
    );
  });
  return new UserError(lines.map((line) => `${file}: ${line}`).join("\n"));
}

/** The points of an axis. @throws UserError when there is none, or two are alike */
function choicesOf(file: string, axis: string, values: unknown): Choice[] {
  const choices = Array.isArray(values)
    ? values.map((value): Choice => {
        const name = textOf(value);
        const last = axis.slice(axis.lastIndexOf(".") + 1);
        const part = typeof value === "string" ? safe(name) : `${last}-${safe(name)}`;
        return { name, part, config: nested(axis, value) };
      })
    : Object.entries(values as object).map(
        ([name, config]): Choice => ({ name, part: safe(name), config }),
      );
  if (choices.length === 0)
    throw fault(file, `axes.${axis} must have at least one value; it has none; add one`);
  const parts = choices.map(({ part }) => part);
  const twice = choices.find(({ part }, i) => part === "" || parts.indexOf(part) !== i);
  if (twice)
    throw fault(
      file,
      `axes.${axis}: every value must have a name of its own in letters and digits; ` +
        `found "${twice.name}" twice, or nameless; name them: {"first": {…}, "second": {…}}`,
    );
  return choices;
}

/** Every combination of the axes; none without axes. */
function gridOf(file: string, axes: Readonly<Record<string, unknown>>): Setting[] {
  const entries = Object.entries(axes);
  if (entries.length === 0) return [];
  let settings: Setting[] = [{ name: "", choices: {}, config: {} }];
  for (const [axis, values] of entries) {
    const choices = choicesOf(file, axis, values);
    settings = settings.flatMap((before) =>
      choices.map(({ name, part, config }) => ({
        name: before.name === "" ? part : `${before.name}_${part}`,
        choices: { ...before.choices, [axis]: name },
        config: merged(before.config, config),
      })),
    );
  }
  return settings;
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

/** The settings of a sweep: the grid, then those that are named. */
function settingsOf(file: string, { axes, cells }: z.infer<typeof SWEEP>): Setting[] {
  const named = Object.entries(cells).map(([name, config]): Setting => {
    if (safe(name) !== name || name === "")
      throw fault(
        file,
        `cells: a name must be of letters, digits and . + -; found "${name}"; ` +
          `write "${safe(name) || "first"}"`,
      );
    return { name, choices: {}, config };
  });
  const settings = [...gridOf(file, axes), ...named];
  if (settings.length > 0) return settings;
  throw fault(file, "a sweep must have axes or cells; it has neither; see roclip sweep --help");
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

/** A path as seen from where the program runs. */
const under = (root: string, path: string) => (isAbsolute(path) ? path : join(root, path));

/** A source whose paths begin in a folder. */
function sourceUnder(root: string, source: z.infer<typeof SWEEP>["source"]): Source {
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
  const names = settings.map(({ name }) => name);
  const cells = seeds.flatMap((seed) =>
    settings.map(({ name: setting, choices, config: changes }, i): Cell => {
      refuseSeed(file, `"${setting}"`, changes);
      const whole = merged(merged(base, changes), { seed }) as Record<string, unknown>;
      const place = { out, seed, before: names.slice(0, i) };
      const own = configOf(`${file}: ${setting}`, whole, place);
      return { name: cellName(setting, seed), setting, seed, choices, ...own };
    }),
  );
  requireDifferent(file, cells);
  const { measures, perClass } = read.data;
  const on = Object.fromEntries(
    Object.entries(read.data.on).map(([name, folder]) => [name, under(root, folder)]),
  );
  const asked = { measures, on, ...(perClass !== undefined && { perClass }) };
  return { file, root, source: sourceUnder(root, source), asked, axes: Object.keys(axes), cells };
}
