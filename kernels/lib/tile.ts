/** What the records of products share: how their register tiles (tile_*.wgsl) cover a matrix. */

/** Subgroups that are known to gain: those of SwiftShader and of llvmpipe. */
const SUBGROUP_SIZES = [4, 8];

/** Files of `kernels/lib` that a product uses; with subgroups, another tile. */
export const TILE_USES = ["index", "tile", "tile_own"] as const;

/** Columns of a thread's tile: the op chooses 2 where 4 would leave threads without columns. */
export const TILE_OPTIONS = { COLS: [4, 2] } as const;

/** The constants of a kernel that uses `tile_own`. */
export const TILE_CONSTS = { ROWS: [8, 4], LANES: [1], WGX: [8], WGY: [8] } as const;

/**
 * Tiles of 32 rows that a subgroup loads together, instead of 8 that each thread loads itself.
 *
 * @param others  files of `kernels/lib` that the product uses beside its tile
 */
export const tileSubgroups = (size: number, ...others: string[]) =>
  SUBGROUP_SIZES.includes(size)
    ? {
        uses: ["index", "tile", "tile_subgroup", ...others],
        consts: { ROWS: [32, 16], LANES: [size], WGX: [size], WGY: [1] },
      }
    : undefined;

/** Workgroups that cover a matrix. */
export function tileGroups(
  rows: number,
  cols: number,
  { ROWS, COLS, WGX, WGY }: Readonly<Record<"ROWS" | "COLS" | "WGX" | "WGY", number>>,
): number {
  return Math.ceil(rows / (ROWS * WGY)) * Math.ceil(cols / (COLS * WGX));
}
