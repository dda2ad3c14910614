import type { Tensor } from "../../engine/graph.ts";
import { type RingWrap, ringPush } from "../../engine/ops/ringPush.ts";
import { type Array64, array64, type Case, defineCase } from "../case.ts";

type Operands = "ring" | "ringIds" | "cursor" | "rows" | "ids";

const runAs =
  (wrap: RingWrap) =>
  ({ ring, ringIds, cursor, rows, ids }: Readonly<Record<Operands, Tensor>>) => ({
    ...ringPush({ rows: ring, ids: ringIds, cursor }, rows, ids, wrap),
  });

const referenceAs =
  (wrap: RingWrap) =>
  ({ ring, ringIds, cursor, rows, ids }: Readonly<Record<Operands, Array64>>) => {
    const [P, D] = ring.shape as [number, number];
    const B = ids.data.length;
    const after = array64([P, D], (i) => ring.data[i]!);
    const idsAfter = array64([P], (i) => ringIds.data[i]!);
    let at = cursor.data[0]!;
    for (let b = 0; b < B; b++) {
      const row = rows.data.subarray(b * D, (b + 1) * D);
      const length = Math.max(Math.hypot(...row), 1e-12);
      for (let d = 0; d < D; d++) after.data[at * D + d] = row[d]! / length;
      idsAfter.data[at] = ids.data[b]!;
      at = (at + 1) % P;
      if (wrap === "drop" && at === 0) break;
    }
    const moved = [at, Math.min(cursor.data[1]! + B, P)];
    return { rows: after, ids: idsAfter, cursor: array64([2], (i) => moved[i]!) };
  };

const base = defineCase<Operands>({
  run: runAs("ring"),
  reference: referenceAs("ring"),
  shapes: [
    { ring: [1, 1], ringIds: [1], cursor: [2], rows: [1, 1], ids: [1] },
    { ring: [67, 5], ringIds: [67], cursor: [2], rows: [31, 5], ids: [31] } /* crosses the end */,
    { ring: [8, 3], ringIds: [8], cursor: [2], rows: [8, 3], ids: [8] } /* replaces all */,
    { ring: [20, 260], ringIds: [20], cursor: [2], rows: [9, 260], ids: [9] } /* vectors */,
    { ring: [5, 257], ringIds: [5], cursor: [2], rows: [3, 257], ids: [3] },
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
  tolerance: { relative: 2e-6, why: "as unitRows; rows that are not written stay as they are" },
  bench: {
    "pool, demo": { ring: [3000, 64], ringIds: [3000], cursor: [2], rows: [128, 64], ids: [128] },
  },
});

export default base;

/** Dropping what is beyond the end, with the cursor so many rows before it. */
const dropping = (shapes: Case<Operands>["shapes"], before: number) =>
  defineCase<Operands>({
    ...base,
    run: runAs("drop"),
    reference: referenceAs("drop"),
    shapes,
    data: {
      ...base.data,
      cursor: (_, __, { ring }) => Uint32Array.of(ring[0]! - before, ring[0]! - before),
    },
  });
const seven = { ring: [20, 3], ringIds: [20], cursor: [2], rows: [7, 3], ids: [7] };

export const drop = dropping(base.shapes, 1);
export const dropAtEnd = dropping([seven], 7);
export const dropBeforeEnd = dropping([seven], 8);
