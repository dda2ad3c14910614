import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";
import { subgroupLanes } from "../lib/rows.ts";

export const sumLast = defineKernel({
  name: "sum_last",
  source: new URL("./sum_last.wgsl", import.meta.url),
  uses: ["index", "lanes"],
  bindings: { x: "read", y: "write" },
  params: { rows: "u32", cols: "u32", count: "u32" },
  consts: { WG: [64], LANES: [8, 32, 64] },
  reorders: ["LANES"],
  subgroups: (size) => ({
    uses: ["index", "lanes_subgroup"],
    consts: subgroupLanes(size),
  }),
  grid: ({ rows, WG, LANES }) => spread(Math.ceil(rows / (WG / LANES))),
  cost: ({ rows, count }) => ({ flops: count, bytes: WORD_BYTES * (count + rows) }),
});
