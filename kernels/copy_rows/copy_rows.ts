import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const copyRows = defineKernel({
  name: "copy_rows",
  source: new URL("./copy_rows.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { x: "read", y: "update" },
  params: { count: "u32", first: "u32" },
  consts: { WG: [64, 256], ITEMS: [4, 1] },
  options: { VECTOR: [1, 4] },
  grid: ({ count, WG, ITEMS }) => spread(Math.ceil(count / (WG * ITEMS))),
  cost: ({ count, VECTOR }) => ({ flops: 0, bytes: WORD_BYTES * VECTOR * 2 * count }),
});
