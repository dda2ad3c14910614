import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const scatterWords = defineKernel({
  name: "scatter_words",
  source: new URL("./scatter_words.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { table: "update", index: "read", x: "read" },
  params: { count: "u32", size: "u32" },
  consts: { WG: [64, 256] },
  grid: ({ count, WG }) => spread(Math.ceil(count / WG)),
  cost: ({ count }) => ({ flops: 0, bytes: WORD_BYTES * 3 * count }),
});
