/** The settings of a sweep: every combination of its axes, and those that are named. */
import { merged } from "../overlay.ts";
import { fault, type SweepFile } from "./schema.ts";

/** A point of an axis: its name in tables, its part of a cell's name, and the keys it sets. */
interface Choice {
  readonly name: string;
  readonly part: string;
  readonly config: unknown;
}

/** A setting before its seeds. */
export interface Setting {
  readonly name: string;
  /** Those of the sweep's seeds that it is run under; all unless said. */
  readonly seeds?: readonly number[] | undefined;
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

/** A named setting. @throws UserError where its name or its seeds will not do */
function namedSetting(
  file: string,
  name: string,
  { seeds, ...config }: SweepFile["cells"][string],
  all: readonly number[],
): Setting {
  if (safe(name) !== name || name === "")
    throw fault(
      file,
      `cells: a name must be of letters, digits and . + -; found "${name}"; ` +
        `write "${safe(name) || "first"}"`,
    );
  const other = seeds?.find((seed) => !all.includes(seed));
  if (other !== undefined)
    throw fault(
      file,
      `cells.${name}.seeds must be some of the sweep's, ${all.join(", ")}; found ${other}; ` +
        'leave it out, or list it under "seeds"',
    );
  return { name, choices: {}, config, seeds };
}

/** The settings of a sweep: the grid, then those that are named. */
export function settingsOf(file: string, { axes, cells, seeds }: SweepFile): Setting[] {
  const named = Object.entries(cells).map(([name, cell]) => namedSetting(file, name, cell, seeds));
  const settings = [...gridOf(file, axes), ...named];
  if (settings.length > 0) return settings;
  throw fault(file, "a sweep must have axes or cells; it has neither; see roclip sweep --help");
}
