/** What a real GPU's compiler makes of the kernels that matter most. */
import { TARGETS } from "../isa/bound.ts";
import { capturedSection } from "./capturedSection.ts";
import type { Folder } from "./files.ts";
import { FMA_SHARE, ISA_COLUMNS, isaCells, LDS_BYTES, MEMORY_BYTES, WAVES } from "./isaColumns.ts";
import { compiledText, percent, table } from "./markdown.ts";

/** The kernels of the table; the rest of the file is of little arithmetic. */
const SHOWN = /^(matmul|conv2d(_d\w+)?$|nearest(_screen_\w+)?$|attention)/;

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
  "an instruction multiplies four pairs of integers, each of which counts. ELEMENT=16: operands of " +
  "f16; ELEMENT_X=16: x is f16 in place of a cast, as in a step of mixed precision.";

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
  const lines = [...new Set(shown.map((row) => isaCells(row).join("\n")))].map((l) =>
    l.split("\n"),
  );
  const head = ISA_COLUMNS.map(({ title }) => title);
  return [`### ${device}`, compiledText(host), table(head, lines)].join("\n\n");
}

/** The section of all GPUs that were compiled for; nothing where there are none. */
export function isaSections(folders: readonly Folder[]): string[] {
  const compiled = folders.flatMap(({ isa }) => (isa ? [deviceSection(isa)] : []));
  if (compiled.length === 0) return [];
  const others = folders.flatMap(({ isa, captured }) =>
    isa && captured ? [capturedSection(captured, isa)] : [],
  );
  return ["## Compiled for GPUs that were not there", READING, GOALS, ...compiled, ...others];
}
