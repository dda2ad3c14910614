import { vectorWidth } from "../../kernels/kernel.ts";
import { repeatLast as repeatKernel } from "../../kernels/repeat_last/repeat_last.ts";
import { sumLast as sumKernel } from "../../kernels/sum_last/sum_last.ts";
import { launch, product, type Tensor, view, withGrad } from "../graph.ts";
import { match } from "../shape.ts";
import { reshape } from "./reshape.ts";
import { scale } from "./scale.ts";

/** Elements up to which one pass is as good as two. */
const ONE_PASS = 1024;

/**
 * The sum of all elements, in two ordered passes where there are many.
 *
 * @param x  f32[*S]
 * @returns  f32[]
 * @throws   ShapeError unless x is f32
 */
export function sum(x: Tensor): Tensor {
  const { S } = match("sum", { x: [x, "*S"] });
  const count = product(S);
  const cols = count <= ONE_PASS ? count : Math.ceil(Math.sqrt(count));
  const rows = Math.ceil(count / cols);
  let { y } = launch(sumKernel, { rows, cols, count }, { x }, { y: [rows] });
  if (rows > 1) y = launch(sumKernel, { rows: 1, cols: rows, count: rows }, { x: y }, { y: [1] }).y;
  return withGrad(view(y, []), { x }, (dy) => ({ x: reshape(repeatLast(dy, count), S) }));
}

/**
 * The mean of all elements, in two ordered passes where there are many.
 *
 * @param x  f32[*S]
 * @returns  f32[]
 * @throws   ShapeError unless x is f32
 */
export function mean(x: Tensor): Tensor {
  return scale(sum(x), 1 / product(x.shape));
}

/**
 * The sum of each row: over the last dimension.
 *
 * @param x  f32[*B, D]
 * @returns  f32[*B]
 * @throws   ShapeError unless x has a dimension
 */
export function sumLast(x: Tensor): Tensor {
  const { B, D } = match("sumLast", { x: [x, "*B D"] });
  const rows = product(B);
  const { y } = launch(sumKernel, { rows, cols: D, count: rows * D }, { x }, { y: B });
  return withGrad(y, { x }, (dy) => ({ x: repeatLast(dy, D) }));
}

/**
 * Repeat each element along a new last dimension.
 *
 * @param x  f32[*B]
 * @param D  its size
 * @returns  f32[*B, D]
 * @throws   ShapeError unless x is f32
 */
export function repeatLast(x: Tensor, D: number): Tensor {
  const { B } = match("repeatLast", { x: [x, "*B"] });
  const VECTOR = vectorWidth(D);
  const size = { rows: product(B), cols: D / VECTOR };
  const { y } = launch(repeatKernel, size, { x }, { y: [...B, D] }, { VECTOR });
  return withGrad(y, { x }, (dy) => ({ x: sumLast(dy) }));
}
