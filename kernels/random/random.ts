import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

const BLOCK_FLOPS = 10 * 20; // integer operations of ten rounds, about

export const randomWords = defineKernel({
  name: "random_words",
  source: new URL("./random_words.wgsl", import.meta.url),
  uses: ["index", "philox"],
  bindings: { key: "read", y: "write" },
  params: {
    count: "u32",
    counter_x: "u32",
    counter_y: "u32",
    counter_z: "u32",
    counter_w: "u32",
  },
  consts: { WG: [64, 256] },
  grid: ({ count, WG }) => spread(Math.ceil(count / (4 * WG))),
  cost: ({ count }) => ({ flops: (count / 4) * BLOCK_FLOPS, bytes: WORD_BYTES * count }),
});

export const randomUniform = defineKernel({
  name: "random_uniform",
  source: new URL("./random_uniform.wgsl", import.meta.url),
  uses: ["index", "philox"],
  bindings: { key: "read", y: "write" },
  params: { count: "u32" },
  consts: { WG: [64, 256] },
  grid: ({ count, WG }) => spread(Math.ceil(count / (4 * WG))),
  cost: ({ count }) => ({ flops: (count / 4) * BLOCK_FLOPS, bytes: WORD_BYTES * count }),
});

export const randomNormal = defineKernel({
  name: "random_normal",
  source: new URL("./random_normal.wgsl", import.meta.url),
  uses: ["index", "philox"],
  bindings: { key: "read", y: "write" },
  params: { count: "u32" },
  consts: { WG: [64, 256] },
  grid: ({ count, WG }) => spread(Math.ceil(count / (2 * WG))),
  cost: ({ count }) => ({ flops: (count / 2) * BLOCK_FLOPS, bytes: WORD_BYTES * count }),
});
