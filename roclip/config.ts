/** What a training run is configured by: its keys described, and JSON checked against them. */
import { z } from "zod";
import { UserError } from "./errors.ts";
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
      kind: schema.type as ConfigRow["kind"],
      choices: schema.enum ?? [],
      type: typeText(schema),
      default: schema.default,
      description: schema.description ?? "",
    },
  ];
}

const ROWS: readonly ConfigRow[] = leavesOf(
  z.toJSONSchema(CONFIG_SCHEMA, { io: "input" }) as Leaf,
  [],
);

/** Every key that may be written: leaves and the groups they stand in. */
const KNOWN = [...new Set(ROWS.flatMap(({ key }) => [key, key.replace(/\.?[^.]*$/, "")]))].filter(
  Boolean,
);

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

/** One zod issue as lines of the form "what must hold; what was found; what to do". */
function explain(issue: z.core.$ZodIssue, json: unknown): string[] {
  if (issue.code === "custom") return [issue.message];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) => {
      const path = issue.path.filter((part) => typeof part === "string");
      const key = [...path, name].join(".");
      return `every key must be known; found "${key}"; did you mean "${nearestName(key, KNOWN)}"?`;
    });
  }
  const path = issue.path.filter((part) => typeof part === "string");
  const key = path.join(".");
  const named = issue.path.findLastIndex((part) => typeof part === "string") + 1;
  const found = JSON.stringify(valueAt(json, issue.path.slice(0, named))) ?? "nothing";
  const row = ROWS.find((candidate) => candidate.key === key);
  if (!row)
    return [`${key || "the configuration"} must be an object of keys; found ${found}; see --help`];
  return [
    `${key} must be ${row.type}; found ${found}; the default is ${JSON.stringify(row.default)}`,
  ];
}

/**
 * Check a configuration and fill in the defaults.
 *
 * @param json   an object of (nested) keys, all optional
 * @param where  what to call it in an error: a file's path, or "config"
 * @returns      the resolved configuration
 * @throws       UserError naming every unknown key (and the nearest known one) and bad value
 */
export function parseConfig(json: unknown, where = "config"): Config {
  const result = CONFIG_SCHEMA.safeParse(json);
  if (result.success) return result.data;
  const lines = result.error.issues.flatMap((issue) => explain(issue, json));
  throw new UserError(lines.map((line) => `${where}: ${line}`).join("\n"));
}
