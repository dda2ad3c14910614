import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

const PLACES = [0, 1, 2, 3, 4, 5, 6] as const;

interface Sizes extends Readonly<Record<`count${(typeof PLACES)[number]}`, number>> {
  readonly span: number;
}

const total = (sizes: Sizes, of: (count: number) => number) =>
  PLACES.reduce<number>((sum, k) => sum + of(sizes[`count${k}`]), 0);
const sumsOf = (sizes: Sizes) => total(sizes, (count) => Math.ceil(count / sizes.span));

export const sumSquares = defineKernel({
  name: "clip_factor_squares",
  source: new URL("./clip_factor_squares.wgsl", import.meta.url),
  uses: ["index"],
  bindings: {
    x0: "read",
    x1: "read",
    x2: "read",
    x3: "read",
    x4: "read",
    x5: "read",
    x6: "read",
    parts: "update",
  },
  params: {
    first: "u32",
    span: "u32",
    count0: "u32",
    count1: "u32",
    count2: "u32",
    count3: "u32",
    count4: "u32",
    count5: "u32",
    count6: "u32",
  },
  consts: { WG: [64, 32] },
  grid: (args) => spread(Math.ceil(sumsOf(args) / args.WG)),
  cost: (sizes) => {
    const elements = total(sizes, (count) => count);
    return { flops: 2 * elements, bytes: WORD_BYTES * (elements + sumsOf(sizes)) };
  },
});

export const clipFactor = defineKernel({
  name: "clip_factor",
  source: new URL("./clip_factor.wgsl", import.meta.url),
  uses: ["workgroup_sum"],
  bindings: { parts: "read", y: "write" },
  params: { count: "u32", limit: "f32" },
  consts: { WG: [256] },
  grid: () => [1],
  cost: ({ count }) => ({ flops: count, bytes: WORD_BYTES * (count + 1) }),
});
