/**
 * Counter-based random numbers on the host: Philox4x32-10, the same bits as
 * `kernels/lib/philox.wgsl`.
 *
 * Randomness is a value. A `Key` names a sequence; `fold` derives a new key from an old one and a
 * number (a step, a sample, an epoch), so any draw of a run can be made again on its own.
 *
 * @see Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", SC'11, §4.3
 */

/** Two u32 words that name one random sequence. */
export type Key = readonly [number, number];

const ROUNDS = 10;
const MULTIPLIER_0 = 0xd2511f53; // Salmon et al. 2011, table 2
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9; // golden ratio
const WEYL_1 = 0xbb67ae85; // sqrt(3) − 1
const FOLD_STREAM = 0x666f6c64; // "fold": keeps derived keys apart from draws, which use 0 here

/** The high 32 bits of the 64-bit product of two u32. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >>> 16);
  const carry = aLow * bHigh + (middle % 0x10000);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/**
 * One Philox4x32-10 block.
 *
 * @param key      two u32
 * @param counter  four u32
 * @returns        four u32, uniform
 */
export function philox(
  key: Key,
  counter: readonly [number, number, number, number],
): [number, number, number, number] {
  let [x, y, z, w] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, x);
    const low0 = Math.imul(MULTIPLIER_0, x) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, z);
    const low1 = Math.imul(MULTIPLIER_1, z) >>> 0;
    [x, y, z, w] = [(high1 ^ y ^ k0) >>> 0, low1, (high0 ^ w ^ k1) >>> 0, low0];
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [x, y, z, w];
}

/** The key of a seed (an integer in [0, 2⁵³)). */
export function keyOf(seed: number): Key {
  return [seed >>> 0, Math.floor(seed / 0x100000000) >>> 0];
}

/** A new key from `key` and a number in [0, 2³²): independent of every other fold of `key`. */
export function fold(key: Key, data: number): Key {
  const [x, y] = philox(key, [data >>> 0, 0, 0, FOLD_STREAM]);
  return [x, y];
}

/** u32 → uniform in [0, 1) with 24 bits, the same value the kernels compute in f32. */
export function toUniform(bits: number): number {
  return (bits >>> 8) * 2 ** -24;
}

/** Draws in order from the sequence that `key` names. */
export interface Stream {
  /** A uniform u32. */
  u32(): number;
  /** Uniform in [0, 1), 24 bits. */
  uniform(): number;
  /** Standard normal (Box–Muller). */
  normal(): number;
  /** A uniform integer in [0, n). */
  below(n: number): number;
  /** The integers 0 … n−1 in random order (Fisher–Yates). */
  permutation(n: number): Uint32Array;
}

/** The stream of draws that `key` names, from its beginning. */
export function stream(key: Key): Stream {
  let block = 0;
  let words: number[] = [];
  const u32 = () => {
    if (words.length === 0) words = philox(key, [block++, 0, 0, 0]);
    return words.shift()!;
  };
  const uniform = () => toUniform(u32());
  // 53 random bits scaled: the bias against exact uniformity is below n · 2⁻⁵³.
  const below = (n: number) =>
    Math.floor(((u32() >>> 5) * 0x4000000 + (u32() >>> 6)) * 2 ** -53 * n);
  return {
    u32,
    uniform,
    below,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    permutation(n) {
      const order = Uint32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = below(i + 1);
        [order[i], order[j]] = [order[j]!, order[i]!];
      }
      return order;
    },
  };
}
