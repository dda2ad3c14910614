import { vectorWidth } from "../../kernels/kernel.ts";
import { ringPush as kernel, ringAdvance } from "../../kernels/ring_push/ring_push.ts";
import { launch, type Tensor } from "../graph.ts";
import { match, shapeError } from "../shape.ts";

/** A ring of rows with ids: state that is written over, the oldest rows first. */
export interface Ring {
  /** f32[P, D] */
  readonly rows: Tensor;
  /** u32[P] */
  readonly ids: Tensor;
  /** u32[2]: the row to be written next; rows filled. */
  readonly cursor: Tensor;
}

/** What becomes of a batch that crosses a ring's end. */
export type RingWrap = "ring" | "drop";

/**
 * Write rows, scaled to unit length as `unitRows` does it, into a ring, in place: first in, first
 * out. No gradient flows through it.
 *
 * @param ring  state: rows f32[P, D], ids u32[P], cursor u32[2]
 * @param rows  f32[B, D] of any length, B ≤ P
 * @param ids   u32[B]
 * @param wrap  a batch that crosses the end goes on at the beginning ("ring"), or the rest of it is
 *              left out and the next batch goes to the beginning ("drop")
 * @returns     the ring's new versions
 * @throws      ShapeError unless the dimensions agree and B ≤ P
 */
export function ringPush(ring: Ring, rows: Tensor, ids: Tensor, wrap: RingWrap = "ring"): Ring {
  const operands = {
    "ring.rows": [ring.rows, "P D"],
    "ring.ids": [ring.ids, "P", "u32"],
    "ring.cursor": [ring.cursor, "2", "u32"],
    rows: [rows, "B D"],
    ids: [ids, "B", "u32"],
  } as const;
  const { P, B, D } = match("ringPush", operands);
  if (B > P) throw shapeError("ringPush", `B must be at most P, ${P}, but is ${B}`, operands);
  const VECTOR = vectorWidth(D);
  const how = { DROP: wrap === "drop" ? 1 : 0 };
  const written = launch(
    kernel,
    { batch: B, size: P, window_first: 0, window_rows: P },
    { rows: ring.rows, ids: ring.ids, cursor: ring.cursor, x: rows, x_ids: ids },
    {},
    { ...how, WIDTH: D / VECTOR, VECTOR },
  );
  const { cursor } = launch(ringAdvance, { batch: B, size: P }, { cursor: ring.cursor }, {}, how);
  return { rows: written.rows, ids: written.ids, cursor };
}
