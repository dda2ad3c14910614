import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const repeatRows = defineKernel({
  name: "repeat_rows",
  source: new URL("./repeat_rows.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { x: "read", y: "write" },
  params: { count: "u32", period: "u32" },
  consts: { WG: [256, 64] },
  grid: ({ count, WG }) => spread(Math.ceil(count / WG)),
  cost: ({ count, period }) => ({ flops: 0, bytes: WORD_BYTES * (count + period) }),
});
