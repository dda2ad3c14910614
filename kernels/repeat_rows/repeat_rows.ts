import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const repeatRows = defineKernel({
  name: "repeat_rows",
  source: new URL("./repeat_rows.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { x: "read", y: "write" },
  params: { count: "u32", period: "u32" },
  consts: { WG: [64, 256], ITEMS: [4, 1] },
  options: { VECTOR: [1, 4] },
  grid: ({ count, WG, ITEMS }) => spread(Math.ceil(count / (WG * ITEMS))),
  cost: ({ count, period, VECTOR }) => ({
    flops: 0,
    bytes: WORD_BYTES * VECTOR * (count + period),
  }),
});
