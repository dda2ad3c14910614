import { defineKernel, ELEMENT, spread, WORD_BYTES } from "../kernel.ts";

interface Parted {
  readonly rows: number;
  readonly cols: number;
  readonly span: number;
  readonly WG: number;
}
interface Itemised {
  readonly rows: number;
  readonly cols: number;
  readonly ITEMS: number;
  readonly WG: number;
}
const partGrid = ({ rows, cols, span, WG }: Parted) =>
  spread(Math.ceil((Math.ceil(rows / span) * cols) / WG));
const itemGrid = ({ rows, cols, ITEMS, WG }: Itemised) =>
  spread(Math.ceil((Math.ceil(rows / ITEMS) * cols) / WG));

export const batchnormMoments = defineKernel({
  name: "batchnorm_moments",
  source: new URL("./batchnorm_moments.wgsl", import.meta.url),
  uses: ["index"],
  bindings: { x: "read", mean: "write", squares: "write" },
  params: { rows: "u32", cols: "u32", span: "u32" },
  consts: { WG: [64, 256] },
  options: { VECTOR: [1, 4], ELEMENT_X: ELEMENT },
  grid: partGrid,
  cost: ({ rows, cols, span, VECTOR, ELEMENT_X }) => ({
    flops: 4 * rows * cols * VECTOR,
    bytes: cols * VECTOR * ((ELEMENT_X / 8) * rows + WORD_BYTES * 2 * Math.ceil(rows / span)),
  }),
});

export const batchnormMerge = defineKernel({
  name: "batchnorm_merge",
  source: new URL("./batchnorm_merge.wgsl", import.meta.url),
  uses: [],
  bindings: {
    mean: "read",
    squares: "read",
    running_mean: "update",
    running_variance: "update",
    stats: "write",
  },
  params: { rows: "u32", cols: "u32", span: "u32", eps: "f32", momentum: "f32" },
  consts: { WG: [64, 256] },
  grid: ({ cols, WG }) => [Math.ceil(cols / WG)],
  cost: ({ rows, cols, span }) => ({
    flops: 8 * cols * Math.ceil(rows / span),
    bytes: WORD_BYTES * cols * (2 * Math.ceil(rows / span) + 6),
  }),
});

export const batchnormStats = defineKernel({
  name: "batchnorm_stats",
  source: new URL("./batchnorm_stats.wgsl", import.meta.url),
  uses: [],
  bindings: { mean: "read", variance: "read", stats: "write" },
  params: { cols: "u32", eps: "f32" },
  consts: { WG: [64] },
  grid: ({ cols, WG }) => [Math.ceil(cols / WG)],
  cost: ({ cols }) => ({ flops: 3 * cols, bytes: WORD_BYTES * 4 * cols }),
});

export const batchnorm = defineKernel({
  name: "batchnorm",
  source: new URL("./batchnorm.wgsl", import.meta.url),
  uses: ["index", "rounded"],
  bindings: {
    x: "read",
    residual: "read",
    gain: "read",
    bias: "read",
    stats: "read",
    y: "write",
  },
  params: { rows: "u32", cols: "u32" },
  consts: { WG: [64, 256], ITEMS: [16, 4] },
  options: {
    RELU: [0, 1],
    RESIDUAL: [0, 1],
    VECTOR: [1, 4],
    ELEMENT_X: ELEMENT,
    ELEMENT_RESIDUAL: ELEMENT,
    ELEMENT_Y: ELEMENT,
  },
  grid: itemGrid,
  cost: ({ rows, cols, RELU, RESIDUAL, VECTOR, ELEMENT_X, ELEMENT_RESIDUAL, ELEMENT_Y }) => ({
    flops: (3 + RELU + RESIDUAL) * rows * cols * VECTOR,
    bytes:
      cols *
      VECTOR *
      (((ELEMENT_X + RESIDUAL * ELEMENT_RESIDUAL + ELEMENT_Y) / 8) * rows + WORD_BYTES * 4),
  }),
});

export const batchnormGradSums = defineKernel({
  name: "batchnorm_grad_sums",
  source: new URL("./batchnorm_grad_sums.wgsl", import.meta.url),
  uses: ["index"],
  bindings: {
    dy: "read",
    x: "read",
    gain: "read",
    bias: "read",
    stats: "read",
    dgain: "write",
    dbias: "write",
  },
  params: { rows: "u32", cols: "u32", span: "u32" },
  consts: { WG: [64, 256] },
  options: { RELU: [0, 1], VECTOR: [1, 4], ELEMENT_X: ELEMENT },
  grid: partGrid,
  cost: ({ rows, cols, span, RELU, VECTOR, ELEMENT_X }) => ({
    flops: (4 + 3 * RELU) * rows * cols * VECTOR,
    bytes:
      cols *
      VECTOR *
      ((ELEMENT_X / 8) * rows + WORD_BYTES * (rows + 2 * Math.ceil(rows / span) + 4)),
  }),
});

export const batchnormMaskSums = defineKernel({
  name: "batchnorm_mask_sums",
  source: new URL("./batchnorm_mask_sums.wgsl", import.meta.url),
  uses: ["index"],
  bindings: {
    dy: "read",
    x: "read",
    y: "read",
    stats: "read",
    g: "write",
    dgain: "write",
    dbias: "write",
  },
  params: { rows: "u32", cols: "u32", span: "u32" },
  consts: { WG: [64, 256] },
  options: { VECTOR: [1, 4], ELEMENT_X: ELEMENT },
  grid: partGrid,
  cost: ({ rows, cols, span, VECTOR, ELEMENT_X }) => ({
    flops: 4 * rows * cols * VECTOR,
    bytes:
      cols *
      VECTOR *
      ((ELEMENT_X / 8) * rows + WORD_BYTES * (3 * rows + 2 * Math.ceil(rows / span) + 2)),
  }),
});

export const batchnormGrad = defineKernel({
  name: "batchnorm_grad",
  source: new URL("./batchnorm_grad.wgsl", import.meta.url),
  uses: ["index", "rounded"],
  bindings: {
    dy: "read",
    x: "read",
    gain: "read",
    bias: "read",
    stats: "read",
    dgain: "read",
    dbias: "read",
    dx: "write",
  },
  params: { rows: "u32", cols: "u32" },
  consts: { WG: [64, 256], ITEMS: [16, 4] },
  options: {
    BATCH: [1, 0],
    RELU: [0, 1],
    VECTOR: [1, 4],
    ELEMENT_X: ELEMENT,
    ELEMENT_DX: ELEMENT,
  },
  grid: itemGrid,
  cost: ({ rows, cols, BATCH, RELU, VECTOR, ELEMENT_X, ELEMENT_DX }) => ({
    flops: (2 + 3 * BATCH + 3 * RELU) * rows * cols * VECTOR,
    bytes: cols * VECTOR * (((ELEMENT_X + ELEMENT_DX) / 8) * rows + WORD_BYTES * (rows + 6)),
  }),
});
