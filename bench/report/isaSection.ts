/** What a real GPU's compiler makes of the kernels that matter most. */
import { type IsaRow, TARGETS } from "../isa/bound.ts";
import type { Folder } from "./files.ts";
import { atLeast, atMost, compiledText, percent, table } from "./markdown.ts";

/** Least share of multiply-adds in the hot loop, by what a kernel's name begins with. */
const FMA_SHARE: Readonly<Record<string, number>> = { matmul: 0.95, conv2d: 0.92, nearest: 0.92 };
const LDS_BYTES = 1.1; // per multiply-add, at most
const MEMORY_BYTES = 0.06; // the same
const WAVES = 8; // of 32 threads, on one SIMD
const SHORT_WAVE = 32;

/** The kernels of the table; the rest of the file is of little arithmetic. */
const SHOWN = /^(matmul|conv2d|nearest$|attention)/;

const bytes = (count: number | null) => (count === null ? "–" : count.toFixed(2));

/** A kernel's cells: marked where a target is set. */
function cells(row: IsaRow): string[] {
  const { kernel, variant, fmaShare, ldsBytesPerFma, memoryBytesPerFma, spills, bound, wmma } = row;
  const share = Object.entries(FMA_SHARE).find(([name]) => kernel.startsWith(name))?.[1];
  const lds = bytes(ldsBytesPerFma);
  const memory = bytes(memoryBytesPerFma);
  const outside = memoryBytesPerFma === 0;
  const waves = row.wavesPerSimd * (row.wave / SHORT_WAVE);
  const wavesText = `${row.wavesPerSimd}×${row.wave}`;
  const most = bound === null ? "–" : `${percent(bound)} ${row.boundBy}`;
  const multiplied = wmma > 0 ? `${wmma} WMMA` : percent(fmaShare);
  if (share === undefined || wmma > 0)
    return [kernel, variant, multiplied, lds, memory, String(spills), wavesText, most];
  return [
    kernel,
    variant,
    atLeast(percent(fmaShare), fmaShare, share),
    atMost(lds, ldsBytesPerFma ?? 0, LDS_BYTES),
    outside ? "not in it" : atMost(memory, memoryBytesPerFma ?? 0, MEMORY_BYTES),
    atMost(String(spills), spills, 0),
    atLeast(wavesText, waves, WAVES),
    most,
  ];
}

const HEAD = ["kernel", "constants", "FMA", "LDS B", "memory B", "spills", "waves", "bound"];

/** The section of one GPU. */
export function isaSection({ host, rows }: NonNullable<Folder["isa"]>): string {
  const shown = rows.filter(({ kernel }) => SHOWN.test(kernel));
  const device = TARGETS[shown[0]!.device].name;
  // Shaders that differ in nothing the compiler shows stand once.
  const lines = [...new Set(shown.map((row) => cells(row).join("\n")))].map((l) => l.split("\n"));
  return [
    `## Compiled for a ${device}`,
    compiledText(host),
    "**Nothing was run on a GPU.** Mesa's RADV compiled the kernels, untuned, for a device that is " +
      "not there, and this is read from its machine code: no time, but also no noise. FMA: " +
      "multiply-adds among the vector operations of the hot loop, or how many matrix instructions " +
      "(16 × 16 × 16, f16 to f32) that has. LDS B, memory B: bytes that a " +
      "lane reads per multiply-add of that loop, from workgroup memory and from memory; where the " +
      "latter is *not in it*, the loads stand in a loop around it, whose share the code does not " +
      "tell, and nothing is claimed. Waves: how many a SIMD holds × their threads. Bound: the most " +
      "of the FP32 peak that the loop can reach, and what limits it.",
    `Targets: FMA at least ${percent(FMA_SHARE.matmul!)} in matmul, ` +
      `${percent(FMA_SHARE.conv2d!)} in conv2d and nearest; LDS at most ${LDS_BYTES} B, memory at ` +
      `most ${MEMORY_BYTES} B; no spills; at least ${WAVES} waves of ${SHORT_WAVE} threads, or half ` +
      `as many of ${2 * SHORT_WAVE}. None are set for attention and matrix instructions.`,
    table(HEAD, lines),
  ].join("\n\n");
}
