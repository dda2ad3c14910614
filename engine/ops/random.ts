import {
  randomNormal as normalKernel,
  randomUniform as uniformKernel,
  randomWords as wordsKernel,
} from "../../kernels/random/random.ts";
import { launch, product, type Tensor } from "../graph.ts";
import { match } from "../shape.ts";

/**
 * Random words: Philox4x32-10 blocks one after another.
 *
 * From the counter zero they are the words of `stream(key)` (engine/random.ts), bit for bit.
 *
 * @param key      u32[2]
 * @param count    how many
 * @param counter  of the first block; its first word counts up, without a carry
 * @returns        u32[count]
 * @throws         ShapeError unless key is u32[2]
 * @see            Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", SC'11, §4.3
 */
export function philoxWords(
  key: Tensor,
  count: number,
  counter: readonly [number, number, number, number] = [0, 0, 0, 0],
): Tensor {
  match("philoxWords", { key: [key, "2", "u32"] });
  const [counter_x, counter_y, counter_z, counter_w] = counter;
  const params = { count, counter_x, counter_y, counter_z, counter_w };
  return launch(wordsKernel, params, { key }, { y: { shape: [count], dtype: "u32" } }).y;
}

/**
 * Uniform numbers in [0, 1) with 24 bits: those of `stream(key)` (engine/random.ts), bit for bit.
 *
 * @param key    u32[2]
 * @param shape  of the result
 * @returns      f32[…shape]
 * @throws       ShapeError unless key is u32[2]
 */
export function randomUniform(key: Tensor, shape: readonly number[]): Tensor {
  match("randomUniform", { key: [key, "2", "u32"] });
  return launch(uniformKernel, { count: product(shape) }, { key }, { y: shape }).y;
}

/**
 * Standard normal numbers: those of `stream(key)` (engine/random.ts) up to rounding.
 *
 * @param key    u32[2]
 * @param shape  of the result
 * @returns      f32[…shape]
 * @throws       ShapeError unless key is u32[2]
 * @see          Box & Muller 1958, Ann. Math. Stat. 29(2)
 */
export function randomNormal(key: Tensor, shape: readonly number[]): Tensor {
  match("randomNormal", { key: [key, "2", "u32"] });
  return launch(normalKernel, { count: product(shape) }, { key }, { y: shape }).y;
}
