import { judge } from "../../engine/ops/judge.ts";
import { array64, defineCase } from "../case.ts";

type Operands = "ranks" | "images" | "texts" | "pool" | "count" | "pairs";

const MOMENTUM = 0.7;
const SHARE = 0.31;

const of = (M: number, B: number, D: number, P: number, N = 2) => ({
  ...{ ranks: [M], images: [B, D], texts: [B, D], pool: [P, D], count: [N], pairs: [B] },
});

export default defineCase<Operands>({
  run: ({ ranks, ...judged }) => ({
    ...judge(ranks, judged, { momentum: MOMENTUM, share: SHARE }),
  }),
  reference({ ranks, images, texts, pool, count, pairs }) {
    const [B, D] = images.shape as [number, number];
    const filled = Math.min(count.data.at(-1)!, pool.shape[0]!);
    const after = array64(ranks.shape, (i) => ranks.data[i]!);
    const kept = array64([B]);
    for (let b = 0; b < B; b++) {
      const similarity = (others: Float64Array, row: number) => {
        let dot = 0;
        for (let d = 0; d < D; d++) dot += images.data[b * D + d]! * others[row * D + d]!;
        return dot;
      };
      let above = 0;
      for (let p = 0; p < filled; p++)
        if (similarity(pool.data, p) > similarity(texts.data, b)) above++;
      const rank = filled === 0 ? 0 : above / filled;
      const pair = pairs.data[b]!;
      const before = ranks.data[pair]!;
      after.data[pair] = before < 0 ? rank : MOMENTUM * before + (1 - MOMENTUM) * rank;
      kept.data[b] = after.data[pair]! <= SHARE ? 1 : 0;
    }
    return { ranks: after, kept };
  },
  shapes: [of(1, 1, 1, 1), of(9, 7, 5, 131, 1), of(140, 67, 20, 70)],
  rejects: [
    { ...of(3, 2, 4, 5), texts: [2, 3] },
    { ...of(3, 2, 4, 5), pairs: [3] },
  ],
  differentiable: [],
  data: {
    // Half of the pairs were visited before.
    ranks: (shape, draws) =>
      Float32Array.from({ length: shape[0]! }, () => (draws.below(2) ? draws.uniform() : -1)),
    count: (shape, _, { pool }) =>
      Uint32Array.from({ length: shape[0]! }, () => Math.ceil(pool[0]! * 0.8)),
    pairs: (shape, draws, { ranks }) => draws.permutation(ranks[0]!).slice(0, shape[0]!),
  },
  tolerance: { relative: 1e-6, why: "counts are exact; an average of two" },
  bench: { "pool of the demo": of(5000, 128, 64, 3000) },
});
