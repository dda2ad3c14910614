import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const ringPush = defineKernel({
  name: "ring_push",
  source: new URL("./ring_push.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { rows: "update", ids: "update", cursor: "read", x: "read", x_ids: "read" },
  params: { batch: "u32", size: "u32", width: "u32", window_first: "u32", window_rows: "u32" },
  window: { of: ["rows"] },
  consts: { WG: [64, 256] },
  options: { DROP: [0, 1] },
  grid: ({ batch, width, WG }) => spread(Math.ceil((batch * width) / WG)),
  cost: ({ batch, width }) => ({ flops: 0, bytes: WORD_BYTES * 2 * batch * (width + 1) }),
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
