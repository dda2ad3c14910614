/** Draws for data whose values do not matter: a few ns each, where Philox takes a microsecond. */
import { type Stream, toUniform } from "../engine/random.ts";

/**
 * Draws in order, always the same.
 *
 * @see Marsaglia 2003, "Xorshift RNGs", Journal of Statistical Software 8(14), §3
 */
export function quickStream(seed: number): Stream {
  let state = (Math.imul(seed, 0x9e3779b9) | 1) >>> 0; // must not be 0
  const u32 = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  const uniform = () => toUniform(u32());
  const below = (n: number) => Math.floor((u32() / 2 ** 32) * n);
  return {
    u32,
    uniform,
    below,
    // Three uniforms, centred, have the variance 1/4.
    normal: () => 2 * (uniform() + uniform() + uniform() - 1.5),
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

/** Standard deviates, about normal. */
export function quickNormals(count: number, draws: Stream): Float32Array {
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) data[i] = draws.normal();
  return data;
}
