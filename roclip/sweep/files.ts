/** A table of rows as files that other programs read: CSV, JSON lines, Parquet. */
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import { writeAtomically } from "../checkpoint.ts";
import { csvLine } from "../truth.ts";
import type { Row } from "./results.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** A column of numbers is of doubles, any other of texts; both may be null. */
function column(name: string, rows: readonly Row[]): ColumnSource {
  const data = rows.map((row) => row[name]!);
  const text = data.some((value) => typeof value === "string");
  return { name, data, type: text ? "STRING" : "DOUBLE", nullable: true };
}

/**
 * Write a table as `<path>.csv`, `.jsonl` and `.parquet`, each whole or not at all.
 *
 * @param rows   at least one, all with the same columns
 * @param lines  what the JSON lines hold, where that is more than the rows
 * @returns      the files' names
 */
export async function writeTable(
  path: string,
  rows: readonly Row[],
  lines: readonly object[] = rows,
): Promise<string[]> {
  const names = Object.keys(rows[0]!);
  const cells = rows.map((row) => names.map((name) => row[name] ?? ""));
  const csv = [names, ...cells].map((line) => `${csvLine(line)}\n`).join("");
  const jsonl = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  const parquet = parquetWriteBuffer({ columnData: names.map((name) => column(name, rows)) });
  const files = { csv: encode(csv), jsonl: encode(jsonl), parquet: new Uint8Array(parquet) };
  for (const [ending, bytes] of Object.entries(files))
    await writeAtomically(`${path}.${ending}`, bytes);
  return Object.keys(files).map((ending) => `${path}.${ending}`);
}
