import { defineKernel, ELEMENT, spread, WORD_BYTES } from "../kernel.ts";
import {
  PRODUCT_CONSTS,
  PRODUCT_USES,
  productSubgroups,
  productTiles,
  productValid,
  vectorOf,
} from "../lib/product.ts";

export const conv2d = defineKernel({
  name: "conv2d",
  source: new URL("./conv2d.wgsl", import.meta.url),
  uses: [...PRODUCT_USES, "rounded"],
  bindings: { x: "read", weight: "read", y: "write" },
  params: {
    pixels: "u32",
    h: "u32",
    w: "u32",
    c: "u32",
    hOut: "u32",
    wOut: "u32",
    o: "u32",
    r: "u32",
    s: "u32",
    stride: "u32",
    padding: "u32",
  },
  consts: PRODUCT_CONSTS,
  options: { ELEMENT, ELEMENT_Y: ELEMENT, APART: [0, 1] },
  valid: productValid,
  fit: ({ c, o }) => ({ VECTOR_LEFT: vectorOf(c), VECTOR_RIGHT: vectorOf(o) }),
  subgroups: productSubgroups(({ o }) => o, ["rounded"]),
  grid: ({ pixels, o, ...tile }) => spread(productTiles(pixels, o, tile)),
  cost: ({ pixels, h, w, c, hOut, wOut, o, r, s, ELEMENT, ELEMENT_Y }) => ({
    flops: 2 * pixels * r * s * c * o,
    bytes:
      (ELEMENT / 8) * ((pixels / (hOut * wOut)) * h * w * c + r * s * c * o) +
      (ELEMENT_Y / 8) * pixels * o,
  }),
});

export const conv2dDx = defineKernel({
  name: "conv2d_dx",
  source: new URL("./conv2d_dx.wgsl", import.meta.url),
  uses: PRODUCT_USES,
  bindings: { dy: "read", weight: "read", dx: "write" },
  params: {
    images: "u32",
    h: "u32",
    w: "u32",
    c: "u32",
    hOut: "u32",
    wOut: "u32",
    o: "u32",
    r: "u32",
    s: "u32",
    padding: "u32",
  },
  consts: PRODUCT_CONSTS,
  options: { ELEMENT, STRIDE: [1, 2] },
  valid: productValid,
  fit: ({ o }) => ({ VECTOR_LEFT: vectorOf(o), VECTOR_RIGHT: vectorOf(o) }),
  subgroups: productSubgroups(({ c }) => c),
  grid({ images, h, w, c, STRIDE, ...tile }) {
    const largestClass = images * Math.ceil(h / STRIDE) * Math.ceil(w / STRIDE);
    return spread(STRIDE ** 2 * productTiles(largestClass, c, tile));
  },
  cost: ({ images, h, w, c, hOut, wOut, o, r, s, ELEMENT }) => ({
    flops: 2 * images * hOut * wOut * r * s * c * o,
    bytes:
      (ELEMENT / 8) * (images * hOut * wOut * o + r * s * c * o) + WORD_BYTES * images * h * w * c,
  }),
});

export const conv2dDweight = defineKernel({
  name: "conv2d_dweight",
  source: new URL("./conv2d_dweight.wgsl", import.meta.url),
  uses: PRODUCT_USES,
  bindings: { x: "read", dy: "read", dweight: "write" },
  params: {
    pixels: "u32",
    h: "u32",
    w: "u32",
    c: "u32",
    hOut: "u32",
    wOut: "u32",
    o: "u32",
    rows: "u32",
    s: "u32",
    stride: "u32",
    padding: "u32",
    span: "u32",
  },
  consts: PRODUCT_CONSTS,
  options: { ELEMENT },
  valid: productValid,
  fit: ({ c, o }) => ({ VECTOR_LEFT: vectorOf(c), VECTOR_RIGHT: vectorOf(o) }),
  subgroups: productSubgroups(({ o }) => o),
  grid: ({ pixels, rows, o, span, ...tile }) =>
    spread(productTiles(rows, o, tile) * Math.ceil(pixels / span)),
  cost: ({ pixels, h, w, c, hOut, wOut, o, rows, span, ELEMENT }) => ({
    flops: 2 * pixels * rows * o,
    bytes:
      (ELEMENT / 8) * ((pixels / (hOut * wOut)) * h * w * c + pixels * o) +
      WORD_BYTES * Math.ceil(pixels / span) * rows * o,
  }),
});
