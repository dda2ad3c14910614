import { rankInPool } from "../../engine/ops/rankInPool.ts";
import { array64, defineCase } from "../case.ts";

type Operands = "rows" | "partners" | "pool";

const MARGIN = 2 ** -16;

const of = (B: number, D: number, P: number) => ({ rows: [B, D], partners: [B, D], pool: [P, D] });

export default defineCase<Operands>({
  run: ({ rows, partners, pool }) => ({ rank: rankInPool(rows, partners, pool) }),
  reference({ rows, partners, pool }) {
    const [B, D] = rows.shape as [number, number];
    const [P] = pool.shape as [number];
    const similarity = (b: number, others: Float64Array, row: number) => {
      let dot = 0;
      for (let d = 0; d < D; d++) dot += rows.data[b * D + d]! * others[row * D + d]!;
      return dot;
    };
    const rank = array64([B], (b) => {
      let above = 0;
      for (let p = 0; p < P; p++)
        if (similarity(b, pool.data, p) > similarity(b, partners.data, b) + MARGIN) above++;
      return above / P;
    });
    return { rank };
  },
  shapes: [of(1, 1, 1), of(7, 5, 131), of(67, 20, 70)],
  rejects: [
    { ...of(2, 4, 5), partners: [2, 3] },
    { ...of(2, 4, 5), pool: [5, 3] },
  ],
  differentiable: [],
  tolerance: { relative: 1e-6, why: "counts are exact; one division" },
  bench: { "256 pairs in a pool of 12,000": of(256, 64, 12_000) },
});
