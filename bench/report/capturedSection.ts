/** Other engines' shaders beside ours, by a real GPU's compiler. */
import { type IsaRow, TARGETS } from "../isa/bound.ts";
import { hottest } from "../isa/captured.ts";
import type { Folder } from "./files.ts";
import { ISA_COLUMNS } from "./isaColumns.ts";
import { table } from "./markdown.ts";

/** Our kernel of an op, where it has another name. */
const KERNELS: Readonly<Record<string, string>> = { "top-1": "nearest", AdamW: "adamw" };
const GRADIENTS = " + gradients";
/** What peers are not asked for: operands of f16. */
const HALF = /\bELEMENT=16\b/;

const SHOWN = ["FMA", "LDS B", "memory B", "VGPRs", "spills", "waves", "of", "bound"];
const COLUMNS = ISA_COLUMNS.filter(({ title }) => SHOWN.includes(title));

/** What was read of a shader; nothing of one whose loops do not multiply. */
function cells(row: IsaRow): string[] {
  if (row.where === "loop") return COLUMNS.map(({ text }) => text(row));
  return ["no loop multiplies", ...COLUMNS.slice(1).map(() => "–")];
}

/** Whether a kernel of ours is of an op; with gradients those of its name and longer ones are. */
function isOf(op: string, kernel: string): boolean {
  const forward = op.replace(GRADIENTS, "");
  const name = KERNELS[forward] ?? forward;
  return op === forward ? kernel === name : kernel.startsWith(name);
}

/** An op's lines: ours, then every other engine's. */
function linesOf(op: string, others: readonly IsaRow[], ours: readonly IsaRow[]): string[][] {
  const kernels = ours.filter(({ kernel, variant }) => isOf(op, kernel) && !HALF.test(variant));
  const own = hottest(kernels);
  const lines = others
    .filter(({ kernel }) => kernel === op)
    .map((row) => [op, row.peer ?? "", row.variant, ...cells(row)]);
  return own ? [[op, "ours", own.kernel, ...cells(own)], ...lines] : lines;
}

/**
 * The section of one GPU.
 *
 * @param isa  our own rows of the same GPU
 */
export function capturedSection(
  { capturedOn, rows }: NonNullable<Folder["captured"]>,
  isa: NonNullable<Folder["isa"]>,
): string {
  const device = TARGETS[rows[0]!.device].name;
  const ops = [...new Set(rows.map(({ kernel }) => kernel))];
  const head = ["op", "engine", "shader", ...COLUMNS.map(({ title }) => title)];
  return [
    `### Other engines' shaders on the ${device}`,
    "What the engines of *Beside other engines* run for each op but the training step, caught as WGSL " +
      `while they ran on ${capturedOn}, and compiled like ours. Of an engine and an op the shader ` +
      "with the most multiply-adds in its hot loop stands here, under the first shape that it was " +
      "used at; ours is likewise the first kernel with the most. For a GPU an engine may make other " +
      "shaders: it asks the adapter what that can do. ONNX Runtime's native build brings a Dawn of " +
      "its own, out of reach of what catches the others', and has no row; that for browsers has.",
    table(
      head,
      ops.flatMap((op) => linesOf(op, rows, isa.rows)),
    ),
  ].join("\n\n");
}
