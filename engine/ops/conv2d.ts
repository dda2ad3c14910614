import { conv2dDweight, conv2dDx, conv2d as forward } from "../../kernels/conv2d/conv2d.ts";
import {
  POINTS,
  TILE,
  winogradFilter,
  winogradInput,
  winogradOutput,
} from "../../kernels/conv2d/winograd.ts";
import { HALF_BITS, WORD_BYTES } from "../../kernels/kernel.ts";
import { blank, launch, type Tensor, withGrad } from "../graph.ts";
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

/**
 * Products that take as long as it takes to bring one number of a tile or of a kernel to a point,
 * or one sum back from it. Fitted on llvmpipe, on convolutions of 32 to 512 channels.
 */
const TRANSFORM = 36;
/** How many times less time Winograd's way must take by that, to be taken. */
const WINOGRAD_GAIN = 1.3;

/** Bytes of a transformed bank of kernels at most: WebGPU's least limit of a binding. */
const BANK_BYTES = 2 ** 27;
/** Bytes that transformed tiles and their sums may have each: more are made in several parts. */
const TILES_BYTES = 2 ** 25;

/** Where `conv2d` puts its kernels, and how it sums. */
export interface Conv2dOptions {
  /** Pixels from one place of the kernels to the next, both ways: 1 (the default) or 2. */
  readonly stride?: 1 | 2;
  /** Rows and columns of zeros around every image; none when left out. */
  readonly padding?: number;
  /**
   * Whether kernels of 3 × 3 with stride 1 and padding 1 go by Winograd's F(4 × 4, 3 × 3), of f32
   * alone: a quarter of the products, and about twice the rounding error. Where it pays when left
   * out.
   */
  readonly winograd?: boolean;
}

/** The sizes of a convolution. */
interface Size {
  readonly B: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly o: number;
}

/** Tiles of an image, both ways. */
const tilesOf = ({ h, w }: Pick<Size, "h" | "w">) => ({
  down: Math.ceil(h / TILE),
  across: Math.ceil(w / TILE),
});

/** Whether Winograd's way takes less time, and no bank that is too large. */
function winogradPays({ B, h, w, c, o }: Size): boolean {
  const { down, across } = tilesOf({ h, w });
  const tiles = B * down * across;
  const taps = B * (3 * h - 2) * (3 * w - 2); // those within the images
  const work = tiles * c * o + TRANSFORM * (tiles * (c + o) + c * o); // at each point
  const fits = POINTS * c * o * WORD_BYTES <= BANK_BYTES;
  return fits && taps * c * o >= WINOGRAD_GAIN * POINTS * work;
}

/** The correlation with kernels of 3 × 3, or with FLIP its transpose: dx of dy. */
function winograd(x: Tensor, weight: Tensor, { B, h, w, c, o }: Size, FLIP: 0 | 1): Tensor {
  const [from, to] = FLIP ? [o, c] : [c, o];
  const bank = { u: [POINTS, c, o] };
  const { u } = launch(winogradFilter, { pairs: c * o }, { weight }, bank, { FLIP });
  const size = { h, w, ...tilesOf({ h, w }) };
  const count = B * size.down * size.across;
  const parts = Math.ceil((POINTS * count * Math.max(c, o) * WORD_BYTES) / TILES_BYTES);
  const span = Math.ceil(count / parts);
  let y = blank("conv2d.y", [B, h, w, to]);
  for (let first = 0; first < count; first += span) {
    const part = { ...size, first, tiles: Math.min(span, count - first) };
    const tiles = { v: [POINTS, part.tiles, from] };
    const { v } = launch(winogradInput, { ...part, c: from }, { x }, tiles);
    const m = matmul(v, u, { transposeB: FLIP === 1 });
    y = launch(winogradOutput, { ...part, c: to }, { m, y }, {}).y;
  }
  return y;
}

/**
 * Correlate images with a bank of kernels, channels last; all sums are f32.
 *
 * @param x       f32[B, h, w, c], or f16
 * @param weight  f32[r, s, c, o]; where one is f16, the other is rounded to it. Of f16 operands the
 *                gradients are f32, of cotangents rounded to f16
 * @returns       f32[B, ⌊(h + 2·padding − r) / stride⌋ + 1, ⌊(w + 2·padding − s) / stride⌋ + 1, o]
 * @throws        ShapeError unless the channels agree and a kernel fits into a padded image
 * @see           Lavin & Gray 2016, arXiv:1509.09308, for `winograd`
 */
export function conv2d(x: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor {
  const { stride = 1, padding = 0 } = options;
  const [left, right] = alike(x, weight);
  const dtype = floating(left);
  const operands = { x: [left, "B h w c", dtype], weight: [right, "r s c o", dtype] } as const;
  const sizes = match("conv2d", operands);
  const { B, h, w, c, r, s, o } = sizes;
  const hOut = Math.floor((h + 2 * padding - r) / stride) + 1;
  const wOut = Math.floor((w + 2 * padding - s) / stride) + 1;
  if (hOut < 1 || wOut < 1)
    throw shapeError("conv2d", `r and s must be at most h and w + ${2 * padding}`, operands);
  if (r * s === 1 && stride === 1 && padding === 0) {
    const y = matmul(reshape(left, [B * h * w, c]), reshape(right, [c, o]));
    return reshape(y, [B, h, w, o]);
  }
  const tiled = r === 3 && s === 3 && stride === 1 && padding === 1 && dtype === "f32";
  const tiles = tiled && (options.winograd ?? winogradPays(sizes));
  const geometry = { ...sizes, hOut, wOut, stride, padding };
  const factors = { x: left, weight: right };
  const y = tiles ? winograd(left, right, sizes, 0) : correlate(left, right, geometry);
  return withGrad(y, factors, (exact) => {
    const dy = dtype === "f16" ? cast(exact, "f16") : exact;
    return {
      x: tiles ? winograd(dy, right, sizes, 1) : dxOf(dy, right, geometry),
      weight: dweightOf(left, dy, geometry),
    };
  });
}

/** What the direct kernels need to know. */
interface Geometry extends Size {
  readonly r: number;
  readonly s: number;
  readonly hOut: number;
  readonly wOut: number;
  readonly stride: 1 | 2;
  readonly padding: number;
}

const elementOf = ({ dtype }: Tensor) => (dtype === "f16" ? { ELEMENT: HALF_BITS } : {});

function correlate(x: Tensor, weight: Tensor, { B, ...size }: Geometry): Tensor {
  const { hOut, wOut, o } = size;
  const APART = hOut * wOut <= SMALL ? 1 : 0;
  const params = { ...size, pixels: B * hOut * wOut };
  const outputs = { y: [B, hOut, wOut, o] };
  return launch(forward, params, { x, weight }, outputs, { ...elementOf(x), APART }).y;
}

function dxOf(dy: Tensor, weight: Tensor, { B, stride, ...size }: Geometry): Tensor {
  const { h, w, c } = size;
  const choices = { ...elementOf(dy), STRIDE: stride };
  const outputs = { dx: [B, h, w, c] };
  return launch(conv2dDx, { ...size, images: B }, { dy, weight }, outputs, choices).dx;
}

function dweightOf(x: Tensor, dy: Tensor, { B, r, ...size }: Geometry): Tensor {
  const { s, c, o, hOut, wOut } = size;
  const pixels = B * hOut * wOut;
  const rows = r * s * c;
  const span = spanOf(rows * o, pixels);
  const parts = { dweight: [Math.ceil(pixels / span), r, s, c, o] };
  const params = { ...size, pixels, rows, span };
  const { dweight } = launch(conv2dDweight, params, { x, dy }, parts, elementOf(x));
  return sumRows(dweight, [r, s, c, o]);
}
