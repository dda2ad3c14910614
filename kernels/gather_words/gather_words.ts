import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const gatherWords = defineKernel({
  name: "gather_words",
  source: new URL("./gather_words.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { table: "read", index: "read", y: "write" },
  params: { count: "u32", size: "u32", width: "u32" },
  consts: { WG: [64, 256] },
  grid: ({ count, width, WG }) => spread(Math.ceil((count * width) / WG)),
  cost: ({ count, width }) => ({ flops: 0, bytes: WORD_BYTES * count * (2 * width + 1) }),
});
