import { vectorWidth } from "../../kernels/kernel.ts";
import { repeatRows as repeatKernel } from "../../kernels/repeat_rows/repeat_rows.ts";
import { sumRows as sumKernel } from "../../kernels/sum_rows/sum_rows.ts";
import { launch, product, type Tensor, view, withGrad } from "../graph.ts";
import { shapeError } from "../shape.ts";
import { reshape } from "./reshape.ts";

/** Rows up to which one pass is as good as two. */
const ONE_PASS_ROWS = 64;

/** Whether `tail` is the end of `shape`. */
export function isSuffix(tail: readonly number[], shape: readonly number[]): boolean {
  const skip = shape.length - tail.length;
  return skip >= 0 && tail.every((d, i) => d === shape[skip + i]);
}

/**
 * Sum over the leading dimensions, in two ordered passes where there are many rows; one row is its
 * own sum, and is not copied.
 *
 * @param x      f32[*B, *S]
 * @param shape  the trailing dimensions to keep, [*S]
 * @returns      f32[*S]
 * @throws       ShapeError unless x ends in `shape`
 */
export function sumRows(x: Tensor, shape: readonly number[]): Tensor {
  if (!isSuffix(shape, x.shape))
    throw shapeError("sumRows", `x must end in [${shape.join(", ")}]`, { x: [x, "*B *S"] });
  const cols = product(shape);
  const rows = product(x.shape) / cols;
  if (rows === 1) return reshape(x, shape);
  const span = rows <= ONE_PASS_ROWS ? rows : Math.ceil(Math.sqrt(rows));
  const parts = Math.ceil(rows / span);
  const VECTOR = vectorWidth(cols);
  const size = { cols: cols / VECTOR };
  let { y } = launch(sumKernel, { ...size, rows, span }, { x }, { y: [parts, cols] }, { VECTOR });
  if (parts > 1) {
    const last = { ...size, rows: parts, span: parts };
    y = launch(sumKernel, last, { x: y }, { y: [1, cols] }, { VECTOR }).y;
  }
  return withGrad(view(y, shape), { x }, (dy) => ({ x: repeatRows(dy, x.shape) }));
}

/**
 * Repeat a tensor along new leading dimensions.
 *
 * @param x      f32[*S]
 * @param shape  the shape to fill, [*B, *S]
 * @returns      f32[*B, *S]
 * @throws       ShapeError unless `shape` ends in x's shape
 */
export function repeatRows(x: Tensor, shape: readonly number[]): Tensor {
  if (!isSuffix(x.shape, shape))
    throw shapeError("repeatRows", `[${shape.join(", ")}] must end in x's shape`, {
      x: [x, "*S"],
    });
  const VECTOR = vectorWidth(product(x.shape));
  const params = { count: product(shape) / VECTOR, period: product(x.shape) / VECTOR };
  const { y } = launch(repeatKernel, params, { x }, { y: shape }, { VECTOR });
  return withGrad(y, { x }, (dy) => ({ x: sumRows(dy, x.shape) }));
}
