/**
 * What the records of products share: how a workgroup's tile of results is made (product_shared,
 * product_subgroup) and how such tiles cover a matrix.
 */
import { narrowSubgroups } from "../kernel.ts";

/** Columns of a thread in a narrow product, where four would leave threads without any. */
const NARROW = 2;

/** Files of `kernels/lib` that make a tile of a product in workgroup memory. */
export const PRODUCT_TILE = ["product_shared", "product_stage"] as const;

/** Files of `kernels/lib` that make a tile of a product by a narrow subgroup. */
export const PRODUCT_TILE_SUBGROUP = ["product_subgroup"] as const;

/** Files of `kernels/lib` that a product uses; with narrow subgroups, another tile. */
export const PRODUCT_USES = ["index", ...PRODUCT_TILE, "product_store"] as const;

/** The constants of `product_shared`: a tile of (ROWS · WGY) × (COLS · WGX) results. */
export const PRODUCT_CONSTS = { ROWS: [8], COLS: [8, 4], WGX: [16, 8], WGY: [16, 8] } as const;

/** Which of them are meant to work: as many threads both ways; 128 × 128, 64 × 64, 64 × 32. */
export const productValid = ({
  COLS,
  WGX,
  WGY,
}: Readonly<Record<"COLS" | "WGX" | "WGY", number>>) => WGX === WGY && WGX <= 2 * COLS;

/** Four elements at a time where rows of this many are contiguous. */
export const vectorOf = (elements: number) => (elements % 4 === 0 ? 4 : 1);

/**
 * Tiles of one subgroup, whose rows it loads together, instead of tiles in workgroup memory.
 *
 * @param colsOf  columns of the result, by the parameters
 * @param others  files of `kernels/lib` that the product uses beside its tile
 * @param fixed   other constants of the tile
 */
export const productSubgroups = <Params>(
  colsOf: (params: Params) => number,
  others: readonly string[] = [],
  fixed: Readonly<Record<string, number>> = {},
) =>
  narrowSubgroups((size) => ({
    uses: ["index", ...PRODUCT_TILE_SUBGROUP, "product_subgroup_store", ...others],
    consts: { ROWS: [32, 16], COLS: [4], WGX: [size], WGY: [1] },
    fit: (params: Params): Record<string, number> => ({
      ...fixed,
      ...(colsOf(params) <= NARROW * size && { COLS: NARROW }),
    }),
  }));

/** Columns of a tile that give its threads as many pieces as they are (product_matrix). */
const matrixValid = ({ COLS, WGY }: Readonly<Record<"COLS" | "WGY", number>>) => WGY === 2 * COLS;

/**
 * Tiles made of matrices of 16 × 16, for operands of f16: 64 × 64 or 128 × 128.
 *
 * @param others  files of `kernels/lib` that the product uses beside its tile
 */
export const productMatrices = (...others: string[]) => ({
  uses: ["index", "product_matrix", "product_stage", ...others],
  consts: { ROWS: [32], COLS: [1, 2], WGX: [64], WGY: [2, 4] },
  valid: matrixValid,
});

/** Tiles that cover a matrix. */
export function productTiles(
  rows: number,
  cols: number,
  { ROWS, COLS, WGX, WGY }: Readonly<Record<"ROWS" | "COLS" | "WGX" | "WGY", number>>,
): number {
  return Math.ceil(rows / (ROWS * WGY)) * Math.ceil(cols / (COLS * WGX));
}
