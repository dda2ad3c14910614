import { clipFactor as kernel, sumSquares } from "../../kernels/clip_factor/clip_factor.ts";
import { blank, constant, launch, product, type Tensor, view } from "../graph.ts";
import { match, shapeError } from "../shape.ts";

/** Elements that a thread sums; the root of the longest tensor's where that is more. */
const LEAST_SPAN = 64;

/** Tensors in a dispatch. */
const TOGETHER = 7;

/** What is bound for a tensor that is missing. */
const NOTHING = constant(new Float32Array(1));

/** Things of each tensor in a dispatch, by a name and its place. */
function placed<Name extends string, Thing>(name: Name, things: readonly Thing[]) {
  const entries = things.map((thing, k) => [`${name}${k}`, thing]);
  return Object.fromEntries(entries) as Record<`${Name}${0 | 1 | 2 | 3 | 4 | 5 | 6}`, Thing>;
}

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
  const counts = tensors.map((x) => product(match(op, { x: [x, "*S"] }).S));
  const span = Math.max(LEAST_SPAN, Math.ceil(Math.sqrt(Math.max(...counts))));
  const firsts = [0];
  for (const count of counts) firsts.push(firsts.at(-1)! + Math.ceil(count / span));
  let parts = blank(`${op}.parts`, [firsts.at(-1)!]);
  for (let k = 0; k < tensors.length; k += TOGETHER) {
    const of = Array.from({ length: TOGETHER }, (_, i) => k + i);
    const sizes = placed(
      "count",
      of.map((i) => counts[i] ?? 0),
    );
    const operands = placed(
      "x",
      of.map((i) => tensors[i] ?? NOTHING),
    );
    parts = launch(
      sumSquares,
      { first: firsts[k]!, span, ...sizes },
      { parts, ...operands },
      {},
    ).parts;
  }
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
