import { toF16, toF32 } from "../../kernels/cast/cast.ts";
import { HALF_BITS } from "../../kernels/kernel.ts";
import {
  type Dispatch,
  launch,
  product,
  type Storage,
  type Tensor,
  view,
  withGrad,
} from "../graph.ts";
import { match } from "../shape.ts";

/** What was rounded to f16 already: what a dispatch wrote, by the dispatch. */
const rounded = new WeakMap<Dispatch, Map<Storage, Tensor>>();

/** A launch for the first who asks, and its result for the others. */
function once(x: Tensor, launched: () => Tensor): Tensor {
  if (!x.producer) return launched();
  const known = rounded.get(x.producer) ?? new Map<Storage, Tensor>();
  rounded.set(x.producer, known);
  const y = known.get(x.storage) ?? launched();
  known.set(x.storage, y);
  return view(y, x.shape);
}

/**
 * `x` with elements of another type. To f16 rounds to 11 bits (the adapter chooses which of the two
 * nearest) and loses what is above 65504; the gradient is that of no rounding. What is asked for
 * twice is made once.
 *
 * @param x   f32[*S] to make it f16; f16[*S] to make it f32
 * @param to  the element type of the result
 * @returns   [*S] of that type
 * @throws    ShapeError unless x has the other type
 */
export function cast(x: Tensor, to: "f16" | "f32"): Tensor {
  const { S } = match("cast", { x: [x, "*S", to === "f16" ? "f32" : "f16"] });
  const params = { count: product(S) };
  const options = { ELEMENT: HALF_BITS };
  const y =
    to === "f16"
      ? once(x, () => launch(toF16, params, { x }, { y: { shape: S, dtype: to } }, options).y)
      : launch(toF32, params, { x }, { y: S }, options).y;
  return withGrad(y, { x }, (dy) => ({ x: dy }));
}

/** The element type in which an operand or a result waits for the gradient to read it. */
export type Kept = "f32" | "f16";

/**
 * A tensor for a gradient to read, kept as f32 or as f16 until then.
 *
 * @param x  f32[*S]
 * @returns  what makes an f32[*S] of it, near the reader
 */
export function keptAs(x: Tensor, kept: Kept): () => Tensor {
  if (kept === "f32") return () => x;
  const half = cast(x, "f16");
  return () => cast(half, "f32");
}
