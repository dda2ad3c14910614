/** A configuration explained: every key with its value, its default and where the value is from. */
import { type Config, describeConfig } from "./config.ts";
import { PRESETS } from "./configs/presets.ts";
import { UserError } from "./errors.ts";
import { nearestName } from "./spelling.ts";
import { type Column, formatCells } from "./table.ts";

/** A configuration as it was put together. */
export interface Layers {
  readonly config: Config;
  /** Each layer of keys with its name, the last one first. */
  readonly layers: readonly (readonly [source: string, keys: unknown])[];
}

/**
 * A preset's configuration.
 *
 * @throws  UserError when there is none of that name
 */
export function presetOf(name: string) {
  const preset = PRESETS[name];
  if (preset && Object.hasOwn(PRESETS, name)) return preset;
  const known = Object.keys(PRESETS);
  throw new UserError(
    `--preset: must be one of ${known.join(", ")}; found "${name}"; ` +
      `did you mean "${nearestName(name, known)}"?`,
  );
}

/** The value at a dotted key; undefined where there is none. */
function valueAt(tree: unknown, key: string): unknown {
  return key.split(".").reduce<unknown>((value, name) => Object(value)[name], tree);
}

const COLUMNS: readonly Column[] = [
  { title: "key" },
  { title: "value" },
  { title: "default" },
  { title: "source" },
];

/** The keys of a table: a list of objects, whose keys have no value of their own, is one. */
function keysShown(): ReadonlyMap<string, unknown> {
  return new Map(
    describeConfig().map(({ key, listed, default: usual }) =>
      listed ? [key.replace(/\.[^.]*$/, ""), []] : [key, usual],
    ),
  );
}

/** Every key of a configuration as a row of a table. */
export function explainConfig({ config, layers }: Layers): string {
  const cells = [...keysShown()].map(([key, usual]) => {
    const layer = layers.find(([, keys]) => valueAt(keys, key) !== undefined);
    const unset = JSON.stringify(usual);
    const text = JSON.stringify(layer ? valueAt(layer[1], key) : valueAt(config, key));
    const from = layer?.[0] ?? (text === unset ? "default" : "model");
    return [key, text, unset, from];
  });
  return formatCells(COLUMNS, cells);
}
