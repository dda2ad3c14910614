import { type ConfigRow, describeConfig } from "./config.ts";
import { isTree } from "./overlay.ts";

/** One configuration key as a command-line option: "roclip.poolSize" is `--roclip-pool-size`. */
export interface Flag {
  readonly key: string;
  /** For commander's `option()`: "--roclip-pool-size <number>". */
  readonly flags: string;
  /** The name commander stores the value under: "roclipPoolSize". */
  readonly attribute: string;
  /** Description, type and default, for `--help`. */
  readonly help: string;
  /** The text of an option as a JSON value; what cannot be read stays text, for parseConfig. */
  parse(text: string): unknown;
}

/** A number if `text` is one, else `text` itself. */
function numberOrText(text: string): unknown {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** The text of an option as a JSON value of the row's kind; `text` itself when it is not one. */
function parseValue(row: ConfigRow, text: string): unknown {
  if (row.kind === "string") return text;
  if (row.kind === "boolean") return text === "true" ? true : text === "false" ? false : text;
  if (row.kind === "array") return text.split(",").map(numberOrText);
  return numberOrText(text);
}

/** What stands for the value in `--help`. A boolean may be left out, which means true. */
const PLACEHOLDERS = {
  integer: "<integer>",
  number: "<number>",
  string: "<text>",
  array: "<n,n,…>",
  boolean: "[true|false]",
} as const;

/** A default as `--help` shows it: four digits of a fraction, as it would be typed. */
function defaultText(value: unknown): string {
  if (Array.isArray(value)) return value.map(defaultText).join(",");
  if (typeof value === "number" && !Number.isInteger(value)) return `${+value.toPrecision(4)}`;
  return value === "" ? '""' : String(value);
}

/** Every configuration key as a command-line option, in the order of the schema. */
export function flagsOf(): Flag[] {
  const rows = describeConfig().filter(({ listed }) => !listed);
  return rows.map((row) => {
    const words = row.key.split(".").flatMap((part) => part.split(/(?=[A-Z])/));
    const [first = "", ...rest] = words.map((word) => word.toLowerCase());
    const value = defaultText(row.default);
    const placeholder =
      row.choices.length > 0 ? `<${row.choices.join("|")}>` : PLACEHOLDERS[row.kind];
    return {
      key: row.key,
      flags: `--${[first, ...rest].join("-")} ${placeholder}`,
      attribute: first + rest.map((word) => word[0]!.toUpperCase() + word.slice(1)).join(""),
      help: `${row.description}; ${row.type} (default: ${value})`,
      parse: (text) => parseValue(row, text),
    };
  });
}

/** `target` with `value` at `path`. Anything in the way stays, for parseConfig to complain of. */
function withValue(target: unknown, path: readonly string[], value: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  if (target !== undefined && !isTree(target)) return target;
  return { ...target, [name]: withValue(target?.[name], rest, value) };
}

/**
 * A configuration with the options of a command line laid over it.
 *
 * @param json     the configuration, as read from a file; `{}` for none
 * @param options  commander's `opts()`, values as typed; names that are no flag are left alone
 * @returns        what to give to parseConfig
 */
export function applyFlags(json: unknown, options: Readonly<Record<string, unknown>>): unknown {
  let config = json;
  for (const flag of flagsOf()) {
    const given = options[flag.attribute];
    if (given === undefined) continue;
    const value = typeof given === "string" ? flag.parse(given) : given;
    config = withValue(config, flag.key.split("."), value);
  }
  return config;
}
