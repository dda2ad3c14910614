/** The ground truth of an attack: which training rows were changed, how, and what they were. */
import { parse } from "csv-parse/sync";
import { z } from "zod";
import type { Dataset } from "./data/dataset.ts";
import { UserError } from "./errors.ts";

const TRUTH_ROW = z.strictObject({
  row: z.int().min(0).describe("row of the attacked training data, from 0"),
  kind: z.enum(["poison", "backdoor"]),
  id: z.string().describe("id of that row"),
  source: z
    .string()
    .describe("id of the image it shows: held-out for poison, training for backdoor"),
  trigger: z.string().default("").describe('kind of the backdoor\'s trigger; "" for poison'),
  attack: z.int().min(0).default(0).describe("which backdoor of the configuration, from 0"),
  trueClass: z.string().describe('class of the image; "" where unlabelled'),
  targetClass: z.string().describe("class the attack leads to"),
  caption: z.string().describe("caption it has now: adversarial, triggered, or its own"),
  originalCaption: z.string().describe("caption the image came with"),
  seed: z.int().min(0).describe("seed that it was drawn by"),
});

/** One attacked training row. Keys are documented in the schema. */
export type TruthRow = Readonly<z.infer<typeof TRUTH_ROW>>;

/** Attacked training data, and what was done to it. */
export interface Attack {
  readonly dataset: Dataset;
  readonly truth: readonly TruthRow[];
  /** What a reader of the results must know, one sentence each. */
  readonly notes: readonly string[];
}

/** A held-out image that was poisoned, and the classes its success is measured by. */
export interface PoisonTarget {
  /** Row of the held-out data. */
  readonly row: number;
  readonly trueClass: string;
  readonly targetClass: string;
}

const COLUMNS = Object.keys(TRUTH_ROW.shape) as (keyof TruthRow)[];
const FORMATS = ["jsonl", "csv"] as const;

/** How a manifest is written: one JSON object a line, or comma-separated with a header. */
export type TruthFormat = (typeof FORMATS)[number];

/** A line of CSV without its end, each field quoted where RFC 4180 asks for it. */
export function csvLine(fields: readonly (string | number)[]): string {
  const quoted = (text: string) =>
    /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  return fields.map((value) => quoted(String(value))).join(",");
}

/** The manifest as text. */
export function formatTruth(truth: readonly TruthRow[], format: TruthFormat): string {
  const lines =
    format === "jsonl"
      ? truth.map((row) => JSON.stringify(row))
      : [COLUMNS, ...truth.map((row) => COLUMNS.map((key) => row[key]))].map(csvLine);
  return lines.map((line) => `${line}\n`).join("");
}

/** The records of a manifest's text, unchecked; numbers of a CSV are read as numbers. */
function recordsOf(text: string, format: TruthFormat): unknown[] {
  if (format === "jsonl") {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return lines.map((line) => JSON.parse(line) as unknown);
  }
  const records: Record<string, string>[] = parse(text, { columns: true, bom: true });
  return records.map((record) => ({
    ...record,
    row: Number(record.row || Number.NaN),
    ...(record.attack !== undefined && { attack: Number(record.attack || Number.NaN) }),
    seed: Number(record.seed || Number.NaN),
  }));
}

/**
 * Read a manifest back.
 *
 * @param text   what formatTruth wrote
 * @param where  what to call it in an error: the file's path
 * @throws       UserError when the text is not a manifest
 */
export function parseTruth(text: string, format: TruthFormat, where: string): TruthRow[] {
  let records: unknown[];
  try {
    records = recordsOf(text, format);
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      `${where}: must be a ${format} manifest; found: ${found}; write it again with roclip poison`,
      { cause },
    );
  }
  return records.map((record, index) => {
    const result = TRUTH_ROW.safeParse(record);
    if (result.success) return result.data;
    const { path, message } = result.error.issues[0]!;
    throw new UserError(
      `${where}: record ${index + 1} must have ${COLUMNS.join(", ")}; ` +
        `found ${path.join(".") || "a record"}: ${message}; write it again with roclip poison`,
    );
  });
}

/**
 * The images whose poisoning is measured, one for each, in order of their first row.
 *
 * @throws  UserError when the held-out data does not hold one of them
 */
export function poisonTargets(truth: readonly TruthRow[], heldOut: Dataset): PoisonTarget[] {
  const rowOf = new Map(heldOut.ids.map((id, row) => [id, row]));
  const targets = new Map<string, PoisonTarget>();
  for (const { kind, source, trueClass, targetClass } of truth) {
    if (kind !== "poison" || targets.has(source)) continue;
    const row = rowOf.get(source);
    if (row === undefined) {
      throw new UserError(
        `truth: every poisoned image must be in the held-out data "${heldOut.name}"; ` +
          `"${source}" is not; evaluate with the data the manifest was made with`,
      );
    }
    targets.set(source, { row, trueClass, targetClass });
  }
  return [...targets.values()];
}
