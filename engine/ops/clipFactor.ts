import { clipFactor as kernel, sumSquares } from "../../kernels/clip_factor/clip_factor.ts";
import { blank, launch, product, type Tensor, view } from "../graph.ts";
import { match, shapeError } from "../shape.ts";

/** Elements that a thread sums in a short tensor; in a longer one their root. */
const LEAST_SPAN = 64;

/**
 * Sums of squares of consecutive elements of several tensors, one tensor's after the other's.
 *
 * @param op       for errors
 * @param tensors  f32[*S] each, at least one
 * @returns        f32[n]
 * @throws         ShapeError unless there is a tensor, and all are f32
 */
export function sumsOfSquares(op: string, tensors: readonly Tensor[]): Tensor {
  if (tensors.length === 0) throw shapeError(op, "there must be a tensor", {});
  let first = 0;
  const places = tensors.map((x) => {
    const count = product(match(op, { x: [x, "*S"] }).S);
    const span = Math.max(LEAST_SPAN, Math.ceil(Math.sqrt(count)));
    const place = { count, span, first, sums: Math.ceil(count / span) };
    first += place.sums;
    return place;
  });
  let parts = blank(`${op}.parts`, [first]);
  for (const [k, x] of tensors.entries())
    parts = launch(sumSquares, places[k]!, { x, parts }, {}).parts;
  return parts;
}

/**
 * The factor that keeps the norm of several tensors, taken as one vector, within a limit; in two
 * ordered passes.
 *
 *   min(1, limit / (√(Σ_k Σ x_k²) + 1e-6))
 *
 * @param tensors  f32[*S] each, at least one
 * @param limit    > 0, in units of x
 * @returns        f32[]
 * @throws         ShapeError unless there is a tensor, and all are f32
 * @see            Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, alg. 1;
 *                 torch.nn.utils.clip_grad_norm_
 */
export function clipFactor(tensors: readonly Tensor[], limit: number): Tensor {
  const parts = sumsOfSquares("clipFactor", tensors);
  const { y } = launch(kernel, { count: product(parts.shape), limit }, { parts }, { y: [1] });
  return view(y, []);
}
