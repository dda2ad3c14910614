/** From counted instructions to a bound on speed that needs no hardware. */
import type { Assembly } from "./assembly.ts";
import { type HotCode, hotCode } from "./loop.ts";
import { laneShare, threadsOf } from "./threads.ts";
import { tileBytesPerFma } from "./tile.ts";
import { needsMatrices, type Shader, shaderHash } from "./variants.ts";

/** GPUs that the shim can stand in for, with what sets the rate of their multiply-adds. */
export const TARGETS = {
  // RDNA 2: a lane does one multiply-add per clock
  navi21: { name: "Radeon RX 6900 XT (RDNA 2)", pairs: 1, matrices: false },
  // RDNA 3 and 3.5: two, where instructions can be paired; and matrix instructions
  navi31: { name: "Radeon RX 7900 XTX (RDNA 3)", pairs: 2, matrices: true },
  gfx1150: { name: "Radeon 890M (RDNA 3.5)", pairs: 2, matrices: true },
} as const;
export type Target = keyof typeof TARGETS;

/** All of them. */
export const ALL_TARGETS = Object.keys(TARGETS) as Target[];

/** Those of some shaders that a GPU has the features for. */
export const shadersOn = (device: Target, shaders: readonly Shader[]): Shader[] =>
  shaders.filter((shader) => TARGETS[device].matrices || !needsMatrices(shader));

// AMD 2019, "Introducing RDNA Architecture" (white paper): two SIMDs of 32 lanes in a compute unit;
// 32 banks of workgroup memory, 4 bytes wide, serve it, as does a vector cache with 128-byte lines.
const SIMD_LANES = 32;
const LANES_PER_UNIT = 2 * SIMD_LANES;
const LDS_BYTES_PER_CLOCK = 128;
const CACHE_BYTES_PER_CLOCK = 128;

/** What limits a hot loop. */
export type Limit = "issue" | "lds" | "cache";

/** A kernel and variant on one device, as `--json` writes it. */
export interface IsaRow {
  /** The library whose shader it is, which then is called by op and shape; ours where left out. */
  readonly peer?: string;
  readonly kernel: string;
  readonly variant: string;
  readonly device: Target;
  /** `shaderHash` of what was compiled. */
  readonly source: string;
  /** Threads of a wave. */
  readonly wave: number;
  /** The share of an issue slot's lanes that the workgroup has threads for; null where unknown. */
  readonly lanes: number | null;
  /** What was counted: the hot loop, or the whole program where no loop multiplies. */
  readonly where: HotCode["where"];
  /** Multiply-adds among the vector ALU operations of the hot loop. */
  readonly fmaShare: number;
  /** Bytes a lane reads from workgroup memory per multiply-add; null where there is none. */
  readonly ldsBytesPerFma: number | null;
  /** Bytes a lane loads from memory per multiply-add; a scalar load is shared by the wave. */
  readonly memoryBytesPerFma: number | null;
  /** The same of the loop around a product's, by its tile's constants; null where there is none. */
  readonly tileBytesPerFma: number | null;
  /** At most this share of the peak rate of FP32 multiply-adds; null where none is done. */
  readonly bound: number | null;
  readonly boundBy: Limit | null;
  /** Multiply-adds, matrix instructions, scalar ones and those that wait: of what was counted. */
  readonly fmas: number;
  readonly wmma: number;
  readonly scalar: number;
  readonly waits: number;
  readonly vgprs: number;
  readonly sgprs: number;
  readonly spills: number;
  readonly scalarSpills: number;
  readonly scratch: number;
  readonly lds: number;
  /** Waves that a SIMD can hold, as RADV counts: one of 64 threads is two. */
  readonly wavesPerSimd: number;
}

/**
 * The largest share of the peak FP32 multiply-add rate that a hot loop can reach:
 *
 *   bound = least(issue, lds, cache)
 *   issue = lanes · multiply-adds / (vector ALU instructions · pairs)
 *   lds   = 128 B per clock and compute unit / (LDS bytes per multiply-add · peak)
 *   cache = 128 B per clock and compute unit / (vector load bytes per multiply-add · peak)
 *
 * where lanes is the share of a slot's lanes that have a thread (1 where unknown), and peak is 64
 * multiply-adds per clock and compute unit on RDNA 2, twice that on RDNA 3. Each vector instruction
 * is taken to need one slot, the best case. `pairs` is 2 for the waves of 32 threads of RDNA 3,
 * whose slot holds two multiply-adds if the compiler paired them, else 1: a wave of 64 fills the
 * slot of RDNA 3 by itself. Latency, cache misses, bank conflicts, memory and everything
 * outside the loop only lower what is reached. Packed and dot operations count all their
 * multiply-adds, so that a loop of 16-bit arithmetic can exceed 1. No bound is stated for a loop
 * with matrix instructions, whose peak is another.
 */
export function boundOf(
  { counts }: HotCode,
  wave: Assembly["wave"],
  lanes: number,
  device: Target,
): Pick<IsaRow, "bound" | "boundBy"> {
  const { multiplyAdds, slots, ldsBytes, vectorBytes, wmma } = counts;
  if (multiplyAdds === 0 || wmma > 0) return { bound: null, boundBy: null };
  const { pairs } = TARGETS[device];
  const peak = LANES_PER_UNIT * pairs;
  const limits: readonly (readonly [Limit, number])[] = [
    ["issue", (lanes * multiplyAdds) / (slots * (wave === 32 ? pairs : 1))],
    ["lds", (LDS_BYTES_PER_CLOCK * multiplyAdds) / (ldsBytes * peak)],
    ["cache", (CACHE_BYTES_PER_CLOCK * multiplyAdds) / (vectorBytes * peak)],
  ];
  const [boundBy, bound] = limits.reduce((least, next) => (next[1] < least[1] ? next : least));
  return { bound, boundBy };
}

/** The row of a compiled shader. */
export async function isaRow(
  shader: Shader,
  device: Target,
  { blocks, wave, ...needs }: Assembly,
): Promise<IsaRow> {
  const { peer, kernel, variant } = shader;
  const threads = threadsOf(shader);
  // RDNA 2 does 32 lanes at a time, and skips the half of a wave that has no threads
  const slot = Math.min(wave, SIMD_LANES * TARGETS[device].pairs);
  const lanes = threads ? laneShare(threads, slot) : null;
  const hot = hotCode(blocks);
  const { operations, fmas, multiplyAdds, wmma, scalar, waits } = hot.counts;
  const { ldsBytes, vectorBytes, scalarBytes } = hot.counts;
  const perFma = (bytes: number) => (multiplyAdds > 0 ? bytes / multiplyAdds : null);
  return {
    ...(peer && { peer }),
    kernel,
    variant,
    device,
    source: await shaderHash(shader),
    wave,
    lanes,
    where: hot.where,
    fmaShare: operations > 0 ? fmas / operations : 0,
    ldsBytesPerFma: perFma(ldsBytes),
    memoryBytesPerFma: perFma(vectorBytes + scalarBytes / wave),
    tileBytesPerFma: peer ? null : tileBytesPerFma(shader),
    ...boundOf(hot, wave, lanes ?? 1, device),
    ...{ fmas, wmma, scalar, waits },
    ...needs,
  };
}
