import { conv2dDweight, conv2dDx, conv2d as forward } from "../../kernels/conv2d/conv2d.ts";
import { HALF_BITS } from "../../kernels/kernel.ts";
import { launch, type Tensor, withGrad } from "../graph.ts";
import { floating, match, shapeError } from "../shape.ts";
import { cast } from "./cast.ts";
import { alike, matmul, spanOf } from "./matmul.ts";
import { reshape } from "./reshape.ts";
import { sumRows } from "./rows.ts";

/**
 * Pixels of an image up to which tiles take one pixel of many images, not many pixels of one: they
 * meet the same taps and skip those beyond the border, which are many where images are small.
 */
const SMALL = 16;

/** Where `conv2d` puts its kernels. */
export interface Conv2dOptions {
  /** Pixels from one place of the kernels to the next, both ways: 1 (the default) or 2. */
  readonly stride?: 1 | 2;
  /** Rows and columns of zeros around every image; none when left out. */
  readonly padding?: number;
}

/**
 * Correlate images with a bank of kernels, channels last; all sums are f32.
 *
 * @param x       f32[B, h, w, c], or f16
 * @param weight  f32[r, s, c, o]; where one is f16, the other is rounded to it. Of f16 operands the
 *                gradients are f32, of cotangents rounded to f16
 * @returns       f32[B, ⌊(h + 2·padding − r) / stride⌋ + 1, ⌊(w + 2·padding − s) / stride⌋ + 1, o]
 * @throws        ShapeError unless the channels agree and a kernel fits into a padded image
 */
export function conv2d(x: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor {
  const { stride = 1, padding = 0 } = options;
  const [left, right] = alike(x, weight);
  const dtype = floating(left);
  const operands = { x: [left, "B h w c", dtype], weight: [right, "r s c o", dtype] } as const;
  const { B, h, w, c, r, s, o } = match("conv2d", operands);
  const hOut = Math.floor((h + 2 * padding - r) / stride) + 1;
  const wOut = Math.floor((w + 2 * padding - s) / stride) + 1;
  if (hOut < 1 || wOut < 1)
    throw shapeError("conv2d", `r and s must be at most h and w + ${2 * padding}`, operands);
  const shape = [B, hOut, wOut, o];
  const pixels = B * hOut * wOut;
  if (r * s === 1 && stride === 1 && padding === 0)
    return reshape(matmul(reshape(left, [pixels, c]), reshape(right, [c, o])), shape);
  const size = { h, w, c, hOut, wOut, o, s, padding };
  const strided = { pixels, ...size, stride };
  const APART = hOut * wOut <= SMALL ? 1 : 0;
  const element = dtype === "f16" ? { ELEMENT: HALF_BITS } : {};
  const choices = { ...element, APART };
  const factors = { x: left, weight: right };
  const { y } = launch(forward, { ...strided, r }, factors, { y: shape }, choices);
  return withGrad(y, factors, (exact) => {
    const dy = dtype === "f16" ? cast(exact, "f16") : exact;
    const sizes = { images: B, ...size, r };
    const strides = { ...element, STRIDE: stride };
    const { dx } = launch(conv2dDx, sizes, { dy, weight: right }, { dx: x.shape }, strides);
    const rows = r * s * c;
    const span = spanOf(rows * o, pixels);
    const params = { ...strided, rows, span };
    const parts = { dweight: [Math.ceil(pixels / span), ...weight.shape] };
    const { dweight } = launch(conv2dDweight, params, { x: left, dy }, parts, element);
    return { x: dx, weight: sumRows(dweight, weight.shape) };
  });
}
