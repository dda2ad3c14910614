import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const add = defineKernel({
  name: "add",
  source: new URL("./add.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { x: "read", y: "read", z: "write" },
  params: { count: "u32", period: "u32" },
  consts: { WG: [256, 64] },
  grid: ({ count, WG }) => spread(Math.ceil(count / WG)),
  cost: ({ count, period }) => ({ flops: count, bytes: WORD_BYTES * (2 * count + period) }),
});
