/** The columns of what a GPU's compiler makes of a kernel, and what was aimed at. */
import type { IsaRow } from "../isa/bound.ts";
import { atLeast, atMost, percent } from "./markdown.ts";

/** Least share of multiply-adds in the hot loop, by what a kernel's name begins with. */
export const FMA_SHARE: Readonly<Record<string, number>> = {
  matmul: 0.95,
  conv2d: 0.92,
  nearest: 0.92,
};
export const LDS_BYTES = 1.1; // per multiply-add, at most
export const MEMORY_BYTES = 0.06; // the same
export const WAVES = 8; // on one SIMD, as RADV counts them

const shareOf = ({ kernel }: IsaRow) =>
  Object.entries(FMA_SHARE).find(([name]) => kernel.startsWith(name))?.[1];

const bytes = (count: number | null) => (count === null ? "–" : count.toFixed(2));

/** Bytes from memory; where the loop has none, those of the loop around it, by arithmetic. */
function memoryText({ memoryBytesPerFma, tileBytesPerFma }: IsaRow): string {
  if (memoryBytesPerFma !== 0) return bytes(memoryBytesPerFma);
  return tileBytesPerFma === null ? "not in it" : `not in it; ${tileBytesPerFma.toFixed(4)} around`;
}

/** A column of a table. */
interface Column {
  readonly title: string;
  readonly text: (row: IsaRow) => string;
  /** The text with its verdict, where a target is set. */
  readonly judge?: (text: string, row: IsaRow) => string;
}

/** The columns, kernel and constants first. */
export const ISA_COLUMNS: readonly Column[] = [
  { title: "kernel", text: ({ kernel }) => kernel },
  { title: "constants", text: ({ variant }) => variant },
  {
    title: "FMA",
    text: ({ wmma, fmaShare }) => (wmma > 0 ? `${wmma} WMMA` : percent(fmaShare)),
    judge: (text, row) => atLeast(text, row.fmaShare, shareOf(row) ?? 0),
  },
  {
    title: "LDS B",
    text: ({ ldsBytesPerFma }) => bytes(ldsBytesPerFma),
    judge: (text, { ldsBytesPerFma }) => atMost(text, ldsBytesPerFma ?? 0, LDS_BYTES),
  },
  {
    title: "memory B",
    text: memoryText,
    judge: (text, { memoryBytesPerFma }) =>
      memoryBytesPerFma === 0 ? text : atMost(text, memoryBytesPerFma ?? 0, MEMORY_BYTES),
  },
  { title: "FMAs", text: ({ fmas }) => String(fmas) },
  { title: "scalar", text: ({ scalar }) => String(scalar) },
  { title: "waits", text: ({ waits }) => String(waits) },
  { title: "VGPRs", text: ({ vgprs }) => String(vgprs) },
  {
    title: "spills",
    text: ({ spills }) => String(spills),
    judge: (text, { spills }) => atMost(text, spills, 0),
  },
  {
    title: "waves",
    text: ({ wavesPerSimd }) => String(wavesPerSimd),
    judge: (text, { wavesPerSimd }) => atLeast(text, wavesPerSimd, WAVES),
  },
  { title: "of", text: ({ wave }) => String(wave) },
  {
    title: "bound",
    text: ({ bound, boundBy }) => (bound === null ? "–" : `${percent(bound)} ${boundBy}`),
  },
];

/** A kernel's cells: marked where a target is set. */
export function isaCells(row: IsaRow): string[] {
  const judged = shareOf(row) !== undefined && row.wmma === 0;
  return ISA_COLUMNS.map(({ text, judge }) => {
    return judged && judge ? judge(text(row), row) : text(row);
  });
}
