import { type Rows, rowCount } from "../measures.ts";

/**
 * Row `n` of `a` times row `m` of `b`, summed in float64.
 *
 * @param a  f32[N, E]
 * @param b  f32[M, E]
 */
export function dot(a: Rows, n: number, b: Rows, m: number): number {
  const { width } = a;
  let sum = 0;
  for (let e = 0; e < width; e++) sum += a.data[n * width + e]! * b.data[m * width + e]!;
  return sum;
}

/**
 * Check that two sets of rows are pairs.
 *
 * @returns  how many
 * @throws   Error unless both have one width and as many rows
 */
export function requirePairs(where: string, images: Rows, texts: Rows): number {
  const [count, others] = [rowCount(where, images), rowCount(where, texts)];
  if (images.width === texts.width && count === others) return count;
  throw new Error(
    `${where}: images and texts must be pairs of one width; found [${count}, ${images.width}] ` +
      `and [${others}, ${texts.width}]; use one model for both`,
  );
}

/**
 * Similarity of each pair: ⟨image n, text n⟩.
 *
 * @param images  f32[N, E], unit rows
 * @param texts   f32[N, E], unit rows
 * @returns       f64[N]
 */
export function pairSimilarities(images: Rows, texts: Rows): Float64Array {
  const count = requirePairs("pairSimilarities", images, texts);
  return Float64Array.from({ length: count }, (_, n) => dot(images, n, texts, n));
}
