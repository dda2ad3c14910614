/** What a real GPU's compiler makes of the kernels that matter most. */
import { type IsaRow, TARGETS } from "../isa/bound.ts";
import type { Folder } from "./files.ts";
import { atLeast, atMost, compiledText, percent, table } from "./markdown.ts";

/** Least share of multiply-adds in the hot loop, by what a kernel's name begins with. */
const FMA_SHARE: Readonly<Record<string, number>> = { matmul: 0.95, conv2d: 0.92, nearest: 0.92 };
const LDS_BYTES = 1.1; // per multiply-add, at most
const MEMORY_BYTES = 0.06; // the same
const WAVES = 8; // on one SIMD, as RADV counts them

/** The kernels of the table; the rest of the file is of little arithmetic. */
const SHOWN = /^(matmul|conv2d|nearest(_screen_\w+)?$|attention)/;

const shareOf = ({ kernel }: IsaRow) =>
  Object.entries(FMA_SHARE).find(([name]) => kernel.startsWith(name))?.[1];

const bytes = (count: number | null) => (count === null ? "–" : count.toFixed(2));

/** Bytes from memory; where the loop has none, those of the loop around it, by arithmetic. */
function memoryText({ memoryBytesPerFma, tileBytesPerFma }: IsaRow): string {
  if (memoryBytesPerFma !== 0) return bytes(memoryBytesPerFma);
  return tileBytesPerFma === null ? "not in it" : `not in it; ${tileBytesPerFma.toFixed(4)} around`;
}

/** A column of the table. */
interface Column {
  readonly title: string;
  readonly text: (row: IsaRow) => string;
  /** The text with its verdict, where a target is set. */
  readonly judge?: (text: string, row: IsaRow) => string;
}

const COLUMNS: readonly Column[] = [
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
function cells(row: IsaRow): string[] {
  const judged = shareOf(row) !== undefined && row.wmma === 0;
  return COLUMNS.map(({ text, judge }) => {
    return judged && judge ? judge(text(row), row) : text(row);
  });
}

const READING =
  "**Nothing was run on a GPU.** Mesa's RADV compiled the kernels, untuned, for a device that is " +
  "not there, and this is read from its machine code: no time, but also no noise. FMA: " +
  "multiply-adds among the vector operations of the hot loop, or how many matrix instructions " +
  "(16 × 16 × 16, f16 to f32) that has. LDS B, memory B: bytes that a lane reads per multiply-add " +
  "of that loop, from workgroup memory and from memory. Where the latter is *not in it*, a loop " +
  "around it loads, and what that takes per multiply-add is arithmetic on the tile's constants, " +
  "not read from the code: the elements of its rows and columns over their product. FMAs, scalar, " +
  "waits: multiply-adds, scalar instructions and those that only wait, in one round of the hot " +
  "loop. Waves: RADV's *Subgroups per SIMD*, how many a SIMD can hold at a time, of so many " +
  "threads (of); it counts a wave of 64 threads as two, so that 12 of 64 are six such waves. " +
  "Bound: the most of the FP32 peak that the loop can reach, and what limits it; over 100 % where " +
  "an instruction multiplies four pairs of integers, each of which counts.";

const GOALS =
  `Targets, set for the RX 7900 XTX: FMA at least ${percent(FMA_SHARE.matmul!)} in matmul, ` +
  `${percent(FMA_SHARE.conv2d!)} in conv2d and nearest; LDS at most ${LDS_BYTES} B, memory at most ` +
  `${MEMORY_BYTES} B in the hot loop, which is not said of the loop around it; no spills; at least ` +
  `${WAVES} waves as RADV counts. The others are marked by the same. None are set for attention ` +
  "and matrix instructions.";

type Isa = NonNullable<Folder["isa"]>;

/** The table of one GPU. */
function deviceSection({ host, rows }: Isa): string {
  const shown = rows.filter(({ kernel }) => SHOWN.test(kernel));
  const device = TARGETS[shown[0]!.device].name;
  // Shaders that differ in nothing the compiler shows stand once.
  const lines = [...new Set(shown.map((row) => cells(row).join("\n")))].map((l) => l.split("\n"));
  const head = COLUMNS.map(({ title }) => title);
  return [`### ${device}`, compiledText(host), table(head, lines)].join("\n\n");
}

/** The section of all GPUs that were compiled for; nothing where there are none. */
export function isaSections(compiled: readonly Isa[]): string[] {
  if (compiled.length === 0) return [];
  return [
    "## Compiled for GPUs that were not there",
    READING,
    GOALS,
    ...compiled.map(deviceSection),
  ];
}
