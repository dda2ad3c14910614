import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const ravelIndex = defineKernel({
  name: "ravel_index",
  source: new URL("./ravel_index.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { columns: "read", y: "write" },
  params: { rows: "u32", width: "u32" },
  consts: { WG: [64, 256] },
  grid: ({ rows, WG }) => spread(Math.ceil(rows / WG)),
  cost: ({ rows }) => ({ flops: 0, bytes: WORD_BYTES * 2 * rows }),
});
