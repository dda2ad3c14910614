import { vectorWidth } from "../../kernels/kernel.ts";
import { poolAverage, poolAverageGrad, poolMax, poolMaxGrad } from "../../kernels/pool/pool.ts";
import { launch, type Tensor, withGrad } from "../graph.ts";
import { match, shapeError } from "../shape.ts";

/** A number of pixels for both sides, or one for the height and one for the width. */
export type Sides = number | readonly [height: number, width: number];

const pair = (sides: Sides) => (typeof sides === "number" ? ([sides, sides] as const) : sides);

/** The windows of an image tensor and the shape they give. */
function windowsOf(op: string, x: Tensor, size: Sides, stride: Sides, padding: Sides) {
  const operands = { x: [x, "B h w c"] } as const;
  const { B, h, w, c } = match(op, operands);
  const sizes = pair(size);
  const strides = pair(stride);
  const pads = pair(padding);
  const fits = (i: 0 | 1, length: number) => sizes[i] <= length + 2 * pads[i];
  if (!fits(0, h) || !fits(1, w))
    throw shapeError(op, `h and w of x must hold a window of ${sizes.join(" × ")}`, operands);
  if ([...sizes, ...strides].some((n) => n < 1) || pads.some((pad, i) => 2 * pad > sizes[i]!))
    throw shapeError(
      op,
      `size and stride must be at least 1 and padding at most half of size; they are ` +
        `${sizes.join(" × ")}, ${strides.join(" × ")} and ${pads.join(" × ")}`,
      operands,
    );
  const count = (i: 0 | 1, length: number) =>
    Math.floor((length + 2 * pads[i] - sizes[i]) / strides[i]) + 1;
  const VECTOR = vectorWidth(c);
  const params = {
    batch: B,
    height: h,
    width: w,
    channels: c / VECTOR,
    out_height: count(0, h),
    out_width: count(1, w),
    size_height: sizes[0],
    size_width: sizes[1],
    stride_height: strides[0],
    stride_width: strides[1],
  };
  const shape = [B, params.out_height, params.out_width, c];
  return { params, pads: { pad_height: pads[0], pad_width: pads[1] }, shape, options: { VECTOR } };
}

/**
 * The largest value of each channel in each window.
 *
 * The gradient goes to the first place, in reading order, that has it.
 *
 * @param x        f32[B, h, w, c]
 * @param window   size, stride (size when left out) and padding (0) in pixels: one number or
 *                 [height, width]; padding never wins
 * @returns        f32[B, ⌊(h + 2 padding − size) / stride⌋ + 1, likewise w, c]
 * @throws         ShapeError unless a window fits and padding ≤ size / 2
 * @see            torch.nn.MaxPool2d
 */
export function maxPool(
  x: Tensor,
  window: { readonly size: Sides; readonly stride?: Sides; readonly padding?: Sides },
): Tensor {
  const { size, stride = size, padding = 0 } = window;
  const found = windowsOf("maxPool", x, size, stride, padding);
  const params = { ...found.params, ...found.pads };
  const outputs = { y: found.shape, place: { shape: found.shape, dtype: "u32" } } as const;
  const { y, place } = launch(poolMax, params, { x }, outputs, found.options);
  return withGrad(y, { x }, (dy) => ({
    x: launch(poolMaxGrad, params, { dy, place }, { dx: x.shape }, found.options).dx,
  }));
}

/**
 * The mean of each channel in each window.
 *
 * @param x       f32[B, h, w, c]
 * @param window  size and stride (size when left out) in pixels: one number or [height, width];
 *                the size [h, w] pools the whole image
 * @returns       f32[B, ⌊(h − size) / stride⌋ + 1, likewise w, c]
 * @throws        ShapeError unless a window fits
 * @see           torch.nn.AvgPool2d
 */
export function averagePool(
  x: Tensor,
  window: { readonly size: Sides; readonly stride?: Sides },
): Tensor {
  const { size, stride = size } = window;
  const { params, shape, options } = windowsOf("averagePool", x, size, stride, 0);
  const { y } = launch(poolAverage, params, { x }, { y: shape }, options);
  return withGrad(y, { x }, (dy) => ({
    x: launch(poolAverageGrad, params, { dy }, { dx: x.shape }, options).dx,
  }));
}
