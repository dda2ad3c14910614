import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const gatherRows = defineKernel({
  name: "gather_rows",
  source: new URL("./gather_rows.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { table: "read", ids: "read", y: "write" },
  params: { rows: "u32", cols: "u32", count: "u32", window_first: "u32", window_rows: "u32" },
  window: { of: ["table"] },
  consts: { WG: [64, 256], ITEMS: [4, 1] },
  options: { VECTOR: [1, 4] },
  grid: ({ cols, count, WG, ITEMS }) => spread(Math.ceil((Math.ceil(count / ITEMS) * cols) / WG)),
  cost: ({ cols, count, VECTOR }) => ({
    flops: 0,
    bytes: WORD_BYTES * count * (2 * cols * VECTOR + 1),
  }),
});

export const gatherRowsChains = defineKernel({
  name: "gather_rows_chains",
  source: new URL("./gather_rows_chains.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { ids: "read", quads: "read", next: "write", first: "write" },
  params: { rows: "u32", count: "u32" },
  consts: { WG: [64, 256] },
  options: { VECTOR: [1, 4] },
  grid: ({ count, WG }) => spread(Math.ceil(count / WG)),
  cost: ({ rows, count }) => ({ flops: 0, bytes: WORD_BYTES * (2 * count + rows) }),
});

export const gatherRowsGrad = defineKernel({
  name: "gather_rows_grad",
  source: new URL("./gather_rows_grad.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { ids: "read", next: "read", first: "read", dy: "read", dtable: "write" },
  params: { rows: "u32", cols: "u32", count: "u32" },
  consts: { WG: [64, 256], ITEMS: [4, 1] },
  options: { VECTOR: [1, 4] },
  grid: ({ rows, cols, WG, ITEMS }) => spread(Math.ceil((Math.ceil(rows / ITEMS) * cols) / WG)),
  cost: ({ rows, cols, count, VECTOR }) => ({
    flops: count * cols * VECTOR,
    bytes: WORD_BYTES * ((count + rows) * cols * VECTOR + 2 * count + rows),
  }),
});
