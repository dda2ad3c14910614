import { vectorWidth } from "../../kernels/kernel.ts";
import { softmax as forward, softmaxGrad } from "../../kernels/softmax/softmax.ts";
import { launch, product, type Tensor, withGrad } from "../graph.ts";
import { match, shapeError } from "../shape.ts";
import { isSuffix } from "./rows.ts";

/** What softmax leaves out. */
export interface SoftmaxOptions {
  /** x is f32[*B, T, T] and entry j of row i counts only where j ≤ i. */
  readonly causal?: boolean;
  /** f32[*S], added to x, whose shape ends in [*S]; −∞ masks an entry. Not differentiable. */
  readonly mask?: Tensor;
}

/**
 * Exponentials of the last dimension, divided by their sum. A row with all entries masked is 0.
 *
 * @param x        f32[*B, T]
 * @param options  causal: x is f32[*B, T, T], row i sees only entries j ≤ i; mask f32[*S] is added
 *                 to x, whose shape ends in [*S], −∞ masks an entry; no gradient flows to the mask
 * @returns        f32[*B, T]
 * @throws         ShapeError unless T > 0, x ends in the mask's shape, and in [T, T] where causal
 * @see            Milakov & Gimelshein 2018, arXiv:1805.02867, eq. 2
 */
export function softmax(x: Tensor, { causal = false, mask }: SoftmaxOptions = {}): Tensor {
  const operands = { x: [x, causal ? "*B T T" : "*B T"], mask: [mask, "*S"] } as const;
  match("softmax", operands);
  const cols = x.shape.at(-1)!;
  if (cols === 0) throw shapeError("softmax", "T must not be 0", operands);
  if (mask && (mask.shape.length === 0 || !isSuffix(mask.shape, x.shape)))
    throw shapeError("softmax", "the shape of x must end in the mask's, [*S]", operands);
  const rows = product(x.shape) / cols;
  const VECTOR = causal ? 1 : vectorWidth(cols);
  const { y } = launch(
    forward,
    { rows, mask_rows: mask ? product(mask.shape) / cols : 1 },
    { x, mask: mask ?? x },
    { y: x.shape },
    { WIDTH: cols / VECTOR, VECTOR, CAUSAL: causal ? 1 : 0, MASKED: mask ? 1 : 0 },
  );
  return withGrad(y, { x }, (dy) => {
    const VECTOR = vectorWidth(cols);
    const options = { WIDTH: cols / VECTOR, VECTOR };
    return { x: launch(softmaxGrad, { rows }, { y, dy }, { dx: x.shape }, options).dx };
  });
}
