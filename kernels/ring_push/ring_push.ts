import { defineKernel, WORD_BYTES } from "../kernel.ts";
import { rowKernelWith } from "../lib/rows.ts";

const byRows = rowKernelWith("unit_row");

export const ringPush = defineKernel({
  name: "ring_push",
  source: new URL("./ring_push.wgsl", import.meta.url),
  ...byRows,
  bindings: { rows: "update", ids: "update", cursor: "read", x: "read", x_ids: "read" },
  params: { batch: "u32", size: "u32", window_first: "u32", window_rows: "u32" },
  window: { of: ["rows"] },
  reorders: ["LANES"],
  options: { WIDTH: [1], VECTOR: [1, 4], DROP: [0, 1] },
  grid: ({ batch, WG, LANES }) => byRows.grid({ rows: batch, WG, LANES }),
  cost: ({ batch, WIDTH, VECTOR }) => ({
    flops: 3 * batch * WIDTH * VECTOR,
    bytes: WORD_BYTES * 2 * batch * (WIDTH * VECTOR + 1),
  }),
});

export const ringAdvance = defineKernel({
  name: "ring_advance",
  source: new URL("./ring_advance.wgsl", import.meta.url),
  uses: [],
  bindings: { cursor: "update" },
  params: { batch: "u32", size: "u32" },
  consts: { WG: [1] },
  options: { DROP: [0, 1] },
  grid: () => [1],
  cost: () => ({ flops: 0, bytes: WORD_BYTES * 4 }),
});
