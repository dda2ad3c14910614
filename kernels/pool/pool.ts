import { defineKernel, ELEMENT, WORD_BYTES } from "../kernel.ts";

const WORD_BITS = 8 * WORD_BYTES;

const windows = {
  batch: "u32",
  height: "u32",
  width: "u32",
  channels: "u32",
  out_height: "u32",
  out_width: "u32",
  size_height: "u32",
  size_width: "u32",
  stride_height: "u32",
  stride_width: "u32",
} as const;
const padding = { pad_height: "u32", pad_width: "u32" } as const;

type Sizes = { readonly [K in keyof typeof windows | "VECTOR"]: number };

type Gridded = Omit<Sizes, "VECTOR"> & { readonly WG: number; readonly IMAGES: number };
const outputGrid = (a: Gridded) => [
  Math.ceil((a.out_width * a.channels) / a.WG),
  a.out_height,
  Math.ceil(a.batch / a.IMAGES),
];
const inputGrid = (a: Gridded) => [
  Math.ceil((a.width * a.channels) / a.WG),
  a.height,
  Math.ceil(a.batch / a.IMAGES),
];

const inputs = (a: Sizes) => a.batch * a.height * a.width * a.channels * a.VECTOR;
const outputs = (a: Sizes) => a.batch * a.out_height * a.out_width * a.channels * a.VECTOR;
/** One operation per element of a window; bits of an element of x or dx, and beside each output. */
const costOf = (a: Sizes, bits: number, bitsOut: number) => ({
  flops: outputs(a) * a.size_height * a.size_width,
  bytes: (bits * inputs(a) + bitsOut * outputs(a)) / 8,
});

export const poolMax = defineKernel({
  name: "pool_max",
  source: new URL("./pool_max.wgsl", import.meta.url),
  uses: ["rounded"],
  bindings: { x: "read", y: "write", place: "write" },
  params: { ...windows, ...padding },
  consts: { WG: [64, 256], IMAGES: [8, 1] },
  options: { VECTOR: [1, 4], ELEMENT_X: ELEMENT, ELEMENT_Y: ELEMENT },
  grid: outputGrid,
  cost: ({ ELEMENT_X, ELEMENT_Y, ...args }) => costOf(args, ELEMENT_X, ELEMENT_Y + WORD_BITS),
});

export const poolMaxGrad = defineKernel({
  name: "pool_max_grad",
  source: new URL("./pool_max_grad.wgsl", import.meta.url),
  uses: [],
  bindings: { dy: "read", place: "read", dx: "write" },
  params: { ...windows, ...padding },
  consts: { WG: [64, 256], IMAGES: [8, 1] },
  options: { VECTOR: [1, 4] },
  grid: inputGrid,
  cost: (args) => costOf(args, WORD_BITS, 2 * WORD_BITS),
});

export const poolAverage = defineKernel({
  name: "pool_average",
  source: new URL("./pool_average.wgsl", import.meta.url),
  uses: ["rounded"],
  bindings: { x: "read", y: "write" },
  params: windows,
  consts: { WG: [64, 256], IMAGES: [8, 1] },
  options: { VECTOR: [1, 4], ELEMENT_X: ELEMENT, ELEMENT_Y: ELEMENT },
  grid: outputGrid,
  cost: ({ ELEMENT_X, ELEMENT_Y, ...args }) => costOf(args, ELEMENT_X, ELEMENT_Y),
});

export const poolAverageGrad = defineKernel({
  name: "pool_average_grad",
  source: new URL("./pool_average_grad.wgsl", import.meta.url),
  uses: [],
  bindings: { dy: "read", dx: "write" },
  params: windows,
  consts: { WG: [64, 256], IMAGES: [8, 1] },
  options: { VECTOR: [1, 4] },
  grid: inputGrid,
  cost: (args) => costOf(args, WORD_BITS, WORD_BITS),
});
