import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const movingAverage = defineKernel({
  name: "moving_average",
  source: new URL("./moving_average.wgsl", import.meta.url),
  uses: ["index"],
  bindings: {
    rate: "read",
    x0: "read",
    x1: "read",
    x2: "read",
    average0: "update",
    average1: "update",
    average2: "update",
  },
  params: { count0: "u32", count1: "u32", count2: "u32" },
  consts: { WG: [64, 256] },
  grid: ({ count0, count1, count2, WG }) =>
    spread(Math.ceil(Math.max(count0, count1, count2) / WG)),
  cost: ({ count0, count1, count2 }) => ({
    flops: 3 * (count0 + count1 + count2),
    bytes: WORD_BYTES * 3 * (count0 + count1 + count2),
  }),
});
