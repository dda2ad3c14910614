/** Tables as text: columns of a fixed width, longer texts broken over several lines. */

/** A column of a table whose rows are `Row`. */
export interface Column<Row> {
  readonly title: string;
  readonly width: number;
  readonly text: (row: Row) => string;
  /** Texts stand at the left and are broken where they are too long; else at the right, whole. */
  readonly left?: boolean;
}

/** Words in lines of at most `width`; a longer word is cut. */
function wrap(text: string, width: number): string[] {
  const words = text.split(" ").flatMap((w) => w.match(new RegExp(`.{1,${width}}`, "gu")) ?? [""]);
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** One line of a table, or several where a cell is longer than its column. */
function format<Row>(columns: readonly Column<Row>[], cells: readonly string[]): string {
  const wrapped = columns.map(({ width, left }, c) => {
    const cell = cells[c]!;
    return left ? wrap(cell, width) : [cell.padStart(width)];
  });
  const height = Math.max(...wrapped.map((lines) => lines.length));
  const line = (at: number) =>
    wrapped.map((lines, c) => (lines[at] ?? "").padEnd(columns[c]!.width)).join("  ");
  return Array.from({ length: height }, (_, at) => line(at).trimEnd()).join("\n");
}

/** The head of a table. */
export function headText<Row>(columns: readonly Column<Row>[]): string {
  const titles = columns.map(({ title }) => title);
  const rule = columns.map(({ width }) => "─".repeat(width)).join("  ");
  return `${format(columns, titles)}\n${rule}`;
}

/** A row of a table. */
export function rowText<Row>(columns: readonly Column<Row>[], row: Row): string {
  return format(
    columns,
    columns.map(({ text }) => text(row)),
  );
}
