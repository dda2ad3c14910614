/** What the records of products share: how their register tiles (tile_*.wgsl) cover a matrix. */

/** Columns of a thread's tile. */
const COLS = 4;

/** Largest subgroup that is known to gain: those of llvmpipe (8) and SwiftShader (4). */
const MAX_LANES = 8;

/** The constants of a kernel that uses `tile_own`. */
export const TILE_CONSTS = { ROWS: [8, 4], LANES: [1], WGX: [8], WGY: [8] } as const;

/** Tiles of 32 rows that a subgroup loads together, instead of 8 that each thread loads itself. */
export const tileSubgroups = (size: number) =>
  size > 1 && size <= MAX_LANES
    ? {
        uses: ["index", "tile_subgroup"],
        consts: { ROWS: [32, 16], LANES: [size], WGX: [size], WGY: [1] },
      }
    : undefined;

/** Workgroups that cover a matrix. */
export function tileGroups(
  rows: number,
  cols: number,
  { ROWS, WGX, WGY }: { readonly ROWS: number; readonly WGX: number; readonly WGY: number },
): number {
  return Math.ceil(rows / (ROWS * WGY)) * Math.ceil(cols / (COLS * WGX));
}
