import { BOUNDS, quantiseRows as kernel } from "../../kernels/quantise_rows/quantise_rows.ts";
import { launch, type Tensor } from "../graph.ts";
import { match } from "../shape.ts";

/** Words that a screen reads at a time, by bits of an element. */
export const WORDS_READ = { 16: 2, 8: 4 } as const;

/** Rows of a matrix with fewer bits, for `nearest` to screen. May be held as state. */
export interface QuantisedRows {
  readonly bits: 16 | 8;
  /** u32[P, W] elements, packed; zeros behind the last. */
  readonly words: Tensor;
  /** f32[P, 3] for each row what its integers are multiplied by, its length, its error. */
  readonly bounds: Tensor;
}

/** Words of a quantised row of D elements. */
export function quantisedWidth(D: number, bits: QuantisedRows["bits"]): number {
  const read = WORDS_READ[bits];
  return Math.ceil((D * bits) / 32 / read) * read;
}

/**
 * Rows as f16, or as integers of 8 bits with a scale for each row, and how far they are off.
 *
 * Needs no feature of the device: elements are packed into words. Not differentiable.
 *
 * @param x     f32[P, D]
 * @param bits  16: f16, 2 D bytes a row; 8: integers, D bytes; and 12 bytes of bounds either way
 * @returns     words u32[P, W], W = ⌈D / 4⌉ · 2 of f16, ⌈D / 16⌉ · 4 of integers; bounds f32[P, 3]
 * @throws      ShapeError unless x is a matrix
 */
export function quantiseRows(x: Tensor, bits: QuantisedRows["bits"]): QuantisedRows {
  const { P, D } = match("quantiseRows", { x: [x, "P D"] });
  const width = quantisedWidth(D, bits);
  const outputs = { words: { shape: [P, width], dtype: "u32" }, bounds: [P, BOUNDS] } as const;
  const size = { cols: D, width, window_first: 0, window_rows: P };
  return { bits, ...launch(kernel, size, { x }, outputs, { BITS: bits }) };
}
