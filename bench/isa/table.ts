/** Rows of compiled kernels as text of at most 120 columns. */
import { type Column, headText, rowText } from "../columns.ts";
import type { IsaRow } from "./bound.ts";

const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
const bytes = (count: number | null) => (count === null ? "–" : count.toFixed(2));

/** What the hot loop can reach; in brackets where no loop multiplies and all code was counted. */
function boundText({ bound, boundBy, where, wmma }: IsaRow): string {
  if (wmma > 0) return `${wmma} WMMA`;
  if (bound === null) return "–";
  const text = `${percent(bound)} ${boundBy}`;
  return where === "loop" ? text : `(${text})`;
}

const COLUMNS: readonly Column<IsaRow>[] = [
  {
    title: "kernel",
    width: 15,
    text: ({ peer = "", kernel }) => `${peer} ${kernel}`.trim(),
    left: true,
  },
  { title: "variant", width: 13, text: ({ variant }) => variant, left: true },
  { title: "FMA", width: 5, text: ({ fmaShare }) => percent(fmaShare) },
  { title: "LDS B", width: 5, text: ({ ldsBytesPerFma }) => bytes(ldsBytesPerFma) },
  { title: "mem B", width: 5, text: ({ memoryBytesPerFma }) => bytes(memoryBytesPerFma) },
  { title: "scalar", width: 6, text: ({ scalar }) => String(scalar) },
  { title: "waits", width: 5, text: ({ waits }) => String(waits) },
  { title: "VGPRs", width: 5, text: ({ vgprs }) => String(vgprs) },
  { title: "spills", width: 6, text: ({ spills }) => String(spills) },
  { title: "waves", width: 5, text: ({ wavesPerSimd }) => String(wavesPerSimd) },
  { title: "of", width: 2, text: ({ wave }) => String(wave) },
  { title: "lanes", width: 5, text: ({ lanes }) => (lanes === null ? "–" : percent(lanes)) },
  { title: "LDS", width: 5, text: ({ lds }) => String(lds) },
  { title: "bound", width: 12, text: boundText },
];

const LEGEND = [
  "Read from the code that Mesa's RADV compiles; nothing was run on a GPU, and nothing is a speed.",
  "FMA: multiply-adds among the vector operations of the hot loop; LDS B, mem B: bytes that a lane",
  "reads per multiply-add; scalar, waits: such instructions in one round of the loop; waves of: how",
  "many a SIMD can hold, of how many threads, where RADV counts one of 64 as two; lanes: the share",
  "of an issue slot's lanes with a thread; LDS: bytes per workgroup; bound: at most this share of",
  "the FP32 peak, and what limits it (issue slots, bytes per clock of LDS or of the cache; formula in",
  "bench/isa/bound.ts), in brackets where no loop multiplies and the whole program was counted.",
].join("\n");

/** What stands above all tables. */
export const formatLegend = (): string => LEGEND;

/** The head of a device's table. */
export const formatIsaHead = (): string => headText(COLUMNS);

/** A row of it. */
export const formatIsaRow = (row: IsaRow): string => rowText(COLUMNS, row);
