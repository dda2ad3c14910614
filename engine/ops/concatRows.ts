import { copyRows } from "../../kernels/copy_rows/copy_rows.ts";
import { vectorWidth } from "../../kernels/kernel.ts";
import { blank, constant, launch, product, type Tensor, withGrad } from "../graph.ts";
import { type Operand, shapeError } from "../shape.ts";
import { gatherRows } from "./gatherRows.ts";
import { reshape } from "./reshape.ts";

/**
 * Tensors one after the other along their first dimension. One alone is returned as it is.
 *
 * @param parts  f32[B, *S] each, at least one; B may differ
 * @returns      f32[Σ B, *S]
 * @throws       ShapeError unless all parts have the same *S
 */
export function concatRows(parts: readonly [Tensor, ...Tensor[]]): Tensor {
  const [head] = parts;
  const row = head.shape.slice(1);
  const operands = Object.fromEntries(
    parts.map((part, i): [string, Operand] => [`parts[${i}]`, [part, "B *S"]]),
  );
  if (parts.some(({ shape }) => shape.length === 0 || `${shape.slice(1)}` !== `${row}`))
    throw shapeError("concatRows", "*S must be the same in all parts", operands);
  if (parts.length === 1) return head;

  const firsts: number[] = [];
  let rows = 0;
  for (const { shape } of parts) {
    firsts.push(rows);
    rows += shape[0]!;
  }
  const width = product(row);
  const VECTOR = vectorWidth(width);
  let y = blank("concatRows.y", [rows, ...row]);
  for (const [i, part] of parts.entries()) {
    const params = { count: product(part.shape) / VECTOR, first: (firsts[i]! * width) / VECTOR };
    y = launch(copyRows, params, { x: part, y }, {}, { VECTOR }).y;
  }
  return withGrad(y, Object.fromEntries(parts.map((part, i) => [i, part])), (dy) => {
    const table = reshape(dy, [rows, width]);
    const dparts = parts.map(({ shape }, i): [number, Tensor] => {
      const ids = Uint32Array.from({ length: shape[0]! }, (_, at) => firsts[i]! + at);
      return [i, reshape(gatherRows(table, constant(ids)), shape)];
    });
    return Object.fromEntries(dparts);
  });
}
