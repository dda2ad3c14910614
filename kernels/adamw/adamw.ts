import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const adamw = defineKernel({
  name: "adamw",
  source: new URL("./adamw.wgsl", import.meta.url),
  uses: ["index"],
  bindings: {
    schedule: "read",
    factor: "read",
    gradient0: "read",
    gradient1: "read",
    gradient2: "read",
    parameter: "update",
    first: "update",
    second: "update",
  },
  params: {
    count0: "u32",
    count1: "u32",
    count2: "u32",
    begin1: "u32",
    begin2: "u32",
    decay0: "f32",
    decay1: "f32",
    decay2: "f32",
    one_minus_beta1: "f32",
    beta2: "f32",
    one_minus_beta2: "f32",
    eps: "f32",
  },
  consts: { WG: [64, 256], ITEMS: [4, 1] },
  options: { VECTOR: [1, 4] },
  grid: ({ count0, count1, count2, WG, ITEMS }) => {
    const shares = [count0, count1, count2].map((count) => Math.ceil(count / (WG * ITEMS)));
    return spread(shares.reduce((total, share) => total + share));
  },
  cost: ({ count0, count1, count2, VECTOR }) => {
    const elements = (count0 + count1 + count2) * VECTOR;
    return { flops: 16 * elements, bytes: WORD_BYTES * (7 * elements + 4) };
  },
});
