/** What a training run is configured by: its keys described, and JSON checked against them. */
import { z } from "zod";
import { MODEL_SCHEMA } from "./architecture.ts";
import { SHOWN, shown, UserError } from "./errors.ts";
import { expandModel } from "./expandModel.ts";
import { CONFIG_SCHEMA, type Config } from "./schema.ts";
import { nearestName } from "./spelling.ts";

export type { Config } from "./schema.ts";

/** One leaf key of the configuration, as `--help` and the documentation show it. */
export interface ConfigRow {
  /** Path of the key, dotted: "roclip.poolSize". */
  readonly key: string;
  /** Whether it is a key of the elements of a list: settable in a file only. */
  readonly listed: boolean;
  /** JSON type of the value. */
  readonly kind: "integer" | "number" | "boolean" | "string" | "array";
  /** The texts allowed; empty when any is. */
  readonly choices: readonly string[];
  /** What the value must be, in words: "an integer ≥ 1". */
  readonly type: string;
  readonly default: unknown;
  readonly description: string;
}

/** The part of a JSON Schema that is read here. */
interface Leaf {
  readonly type?: string;
  readonly const?: string;
  readonly anyOf?: readonly Leaf[];
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Leaf>>;
  readonly enum?: readonly string[];
  readonly items?: Leaf | false;
  readonly prefixItems?: readonly Leaf[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** The range of a number in words, with a leading space; "" when it is free. */
function rangeText(leaf: Leaf): string {
  const low = leaf.exclusiveMinimum ?? leaf.minimum;
  const high = leaf.exclusiveMaximum ?? leaf.maximum;
  const hasHigh = high !== undefined && high < Number.MAX_SAFE_INTEGER;
  const open = leaf.exclusiveMinimum !== undefined;
  const openHigh = leaf.exclusiveMaximum !== undefined;
  if (low !== undefined && hasHigh)
    return ` in ${open ? "(" : "["}${low}, ${high}${openHigh ? ")" : "]"}`;
  if (low !== undefined) return ` ${open ? ">" : "≥"} ${low}`;
  return hasHigh ? ` ${openHigh ? "<" : "≤"} ${high}` : "";
}

/** What a value must be, in words. */
function typeText(leaf: Leaf): string {
  if (leaf.anyOf) return leaf.anyOf.map(typeText).join(", or ");
  if (leaf.const !== undefined) return JSON.stringify(leaf.const);
  if (leaf.type === "null") return "null";
  if (leaf.type === "object") return "an object";
  if (leaf.enum) return `one of: ${leaf.enum.join(", ")}`;
  if (leaf.type === "boolean") return "true or false";
  if (leaf.type === "string") return "a text";
  if (leaf.prefixItems)
    return `${leaf.prefixItems.length} numbers${rangeText(leaf.prefixItems[0]!)}`;
  if (leaf.items) return `a list of ${leaf.items.type}s${rangeText(leaf.items)}`;
  return `${leaf.type === "integer" ? "an integer" : "a number"}${rangeText(leaf)}`;
}

/** The leaves under `schema`, in the order of the schema. */
function leavesOf(schema: Leaf, path: readonly string[]): ConfigRow[] {
  if (schema.properties) {
    return Object.entries(schema.properties).flatMap(([name, child]) =>
      leavesOf(child, [...path, name]),
    );
  }
  // A list of objects has no flag: its keys are those of one of its elements, for messages.
  const element = schema.items ? schema.items : undefined;
  if (element?.properties) {
    return leavesOf(element, path).map((row) => ({ ...row, listed: true }));
  }
  return [
    {
      key: path.join("."),
      listed: false,
      kind: (schema.anyOf?.[0] ?? schema).type as ConfigRow["kind"],
      choices: schema.enum ?? [],
      type: typeText(schema),
      default: schema.default,
      description: schema.description ?? "",
    },
  ];
}

const rowsOf = (schema: z.ZodType, path: readonly string[]) =>
  leavesOf(z.toJSONSchema(schema, { io: "input" }) as Leaf, path);

const ROWS: readonly ConfigRow[] = rowsOf(CONFIG_SCHEMA, []);

/** The keys of flags and those of a model, which is one flag. */
const ALL_ROWS = [...ROWS, ...rowsOf(MODEL_SCHEMA, ["model"])];

/** Every key that may be written: leaves and the groups they stand in. */
const KNOWN = [
  ...new Set(ALL_ROWS.flatMap(({ key }) => [key, key.replace(/\.?[^.]*$/, "")])),
].filter(Boolean);

/** Every key of the configuration with its type, default and description. */
export function describeConfig(): readonly ConfigRow[] {
  return ROWS;
}

/** The value at `path` in `json`, or undefined. */
function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  let value = json;
  for (const name of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[name];
  }
  return value;
}

const MOST_FAULTS = 30; // in a message; what somebody else wrote may have any number

/** One zod issue as lines of the form "what must hold; what was found; what to do". */
function explain(issue: z.core.$ZodIssue, json: unknown): string[] {
  if (issue.code === "custom") return [issue.message];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.slice(0, MOST_FAULTS).map((name) => {
      const path = issue.path.filter((part) => typeof part === "string");
      const key = [...path, name.slice(0, SHOWN)].join("."); // comparing names takes their product
      const ofModel = (other: string) => other.startsWith("model.");
      const known = KNOWN.filter((other) => ofModel(other) === ofModel(key));
      return `every key must be known; found "${key}"; did you mean "${nearestName(key, known)}"?`;
    });
  }
  const path = issue.path.filter((part) => typeof part === "string");
  const key = path.join(".");
  const named = issue.path.findLastIndex((part) => typeof part === "string") + 1;
  const value = valueAt(json, issue.path.slice(0, named));
  // A model may be a text or an object: what is wrong inside an object says more.
  const object = typeof value === "object" && value !== null && !Array.isArray(value);
  if (issue.code === "invalid_union" && object)
    return (issue.errors.at(-1) ?? []).flatMap((inner) =>
      explain({ ...inner, path: [...issue.path, ...inner.path] }, json),
    );
  const found = shown(value);
  const row = ALL_ROWS.find((candidate) => candidate.key === key);
  if (!row)
    return [`${key || "the configuration"} must be an object of keys; found ${found}; see --help`];
  const advice =
    row.default === undefined ? "give one" : `the default is ${JSON.stringify(row.default)}`;
  return [`${key} must be ${row.type}; found ${found}; ${advice}`];
}

/**
 * Check a configuration and fill in the defaults.
 *
 * @param json   an object of (nested) keys, all optional
 * @param where  what to call it in an error: a file's path, or "config"
 * @returns      the resolved configuration
 * @throws       UserError naming every unknown key (and the nearest known one), bad value and
 *               key that contradicts the model, up to 30 of them
 */
export function parseConfig(json: unknown, where = "config"): Config {
  const written = expandModel(json, where);
  const result = CONFIG_SCHEMA.safeParse(written);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, MOST_FAULTS);
  const lines = issues.flatMap((issue) => explain(issue, written)).slice(0, MOST_FAULTS);
  throw new UserError(lines.map((line) => `${where}: ${line}`).join("\n"));
}
