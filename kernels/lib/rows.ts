/** What the records of kernels share whose rows have LANES threads each (lanes). */
import { isNarrow, spread } from "../kernel.ts";

const USES = ["index", "vector_dot"] as const;

/**
 * KEPT where threads are the vector lanes of a CPU: it has few registers but the row in its first
 * cache, where reading again costs no more than what the compiler would do to keep more.
 */
const KEPT_NARROW = [1, 8];

/** WG and LANES of a kernel that uses lanes_subgroup: eight narrow subgroups, or one. */
export const subgroupLanes = (size: number) => ({
  WG: [isNarrow(size) ? 8 * size : size],
  LANES: [size],
});

/**
 * The part of a record that such kernels have in common.
 *
 * @param others  files of `kernels/lib` that the kernel uses besides
 */
export const rowKernelWith = (...others: string[]) => ({
  uses: [...USES, "lanes", ...others],
  consts: { WG: [64], LANES: [32, 8], KEPT: [16, 8] },
  subgroups: (size: number) => ({
    uses: [...USES, "lanes_subgroup", ...others],
    consts: { ...subgroupLanes(size), KEPT: isNarrow(size) ? KEPT_NARROW : [16, 8] },
  }),
  grid: ({ rows, WG, LANES }: Readonly<Record<"rows" | "WG" | "LANES", number>>) =>
    spread(Math.ceil((rows * LANES) / WG)),
});

/** The same of kernels that use nothing else. */
export const rowKernel = rowKernelWith();
