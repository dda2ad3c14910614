import { ringPush } from "../../engine/ops/ringPush.ts";
import { type Array64, array64, defineCase } from "../case.ts";

type Operands = "ring" | "ringIds" | "cursor" | "rows" | "ids";

export default defineCase<Operands>({
  run: ({ ring, ringIds, cursor, rows, ids }) => ({
    ...ringPush({ rows: ring, ids: ringIds, cursor }, rows, ids),
  }),
  reference({ ring, ringIds, cursor, rows, ids }): Record<string, Array64> {
    const [P, D] = ring.shape as [number, number];
    const B = ids.data.length;
    const after = array64([P, D], (i) => ring.data[i]!);
    const idsAfter = array64([P], (i) => ringIds.data[i]!);
    for (let b = 0; b < B; b++) {
      const at = (cursor.data[0]! + b) % P;
      for (let d = 0; d < D; d++) after.data[at * D + d] = rows.data[b * D + d]!;
      idsAfter.data[at] = ids.data[b]!;
    }
    const moved = [(cursor.data[0]! + B) % P, Math.min(cursor.data[1]! + B, P)];
    return { rows: after, ids: idsAfter, cursor: array64([2], (i) => moved[i]!) };
  },
  shapes: [
    { ring: [1, 1], ringIds: [1], cursor: [2], rows: [1, 1], ids: [1] },
    { ring: [67, 5], ringIds: [67], cursor: [2], rows: [31, 5], ids: [31] } /* crosses the end */,
    { ring: [8, 3], ringIds: [8], cursor: [2], rows: [8, 3], ids: [8] } /* replaces all */,
  ],
  rejects: [
    { ring: [4, 3], ringIds: [4], cursor: [2], rows: [5, 3], ids: [5] },
    { ring: [4, 3], ringIds: [4], cursor: [2], rows: [2, 2], ids: [2] },
  ],
  differentiable: [],
  data: {
    ringIds: (shape, draws) => Uint32Array.from({ length: shape[0]! }, () => draws.u32()),
    // Near the end of the ring, so that the batch wraps round.
    cursor: (_, __, { ring }) => Uint32Array.of(ring[0]! - 1, Math.floor(ring[0]! / 2)),
    ids: (shape, draws) => Uint32Array.from({ length: shape[0]! }, () => draws.u32()),
  },
  tolerance: { relative: 0, why: "copies" },
  bench: {
    "pool, demo": { ring: [3000, 64], ringIds: [3000], cursor: [2], rows: [128, 64], ids: [128] },
  },
});
