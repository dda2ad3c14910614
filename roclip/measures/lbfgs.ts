/** Minimising a smooth function of many numbers. */

interface Point extends Slope {
  readonly x: Float64Array;
}

/** A function's value and its gradient. */
export interface Slope {
  readonly value: number;
  readonly gradient: Float64Array;
}

/** A function with its gradient. */
export type Objective = (x: Float64Array) => Slope | Promise<Slope>;

const MEMORY = 10; // pairs of steps and changes of gradient; Nocedal & Wright 2006, §7.2: 3 to 20
const SUFFICIENT = 1e-4; // share of the slope a step must gain (Armijo); ibid., §3.1
const FLATTER = 0.9; // share of the slope that may be left after a step (Wolfe); ibid., §3.1
const TRIALS = 40; // halvings or doublings of a step before the search gives up

const inner = (a: Float64Array, b: Float64Array) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};
/** a + s · b */
const along = (a: Float64Array, s: number, b: Float64Array) => a.map((v, i) => v + s * b[i]!);

interface Change {
  readonly s: Float64Array;
  readonly y: Float64Array;
}

/** −H g by the two-loop recursion over the last changes; Nocedal & Wright 2006, algorithm 7.4. */
function direction(
  gradient: Float64Array,
  changes: readonly Change[],
  inverse: (v: Float64Array) => Float64Array,
): Float64Array {
  let q: Float64Array = gradient;
  const alphas: number[] = [];
  for (const { s, y } of [...changes].reverse()) {
    const alpha = inner(s, q) / inner(s, y);
    alphas.unshift(alpha);
    q = along(q, -alpha, y);
  }
  q = inverse(q);
  const last = changes.at(-1);
  if (last) {
    const scale = inner(last.s, last.y) / inner(last.y, inverse(last.y));
    q = q.map((v) => v * scale);
  }
  for (const [i, { s, y }] of changes.entries())
    q = along(q, alphas[i]! - inner(y, q) / inner(s, y), s);
  return q.map((v) => -v);
}

/** A step that meets Wolfe's conditions, by bisection; undefined when rounding leaves none. */
async function search(f: Objective, from: Point, d: Float64Array): Promise<Point | undefined> {
  const slope = inner(from.gradient, d);
  let [low, high, step] = [0, Number.POSITIVE_INFINITY, 1];
  for (let trial = 0; trial < TRIALS; trial++) {
    const x = along(from.x, step, d);
    const { value, gradient } = await f(x);
    if (!(value <= from.value + SUFFICIENT * step * slope)) high = step;
    else if (inner(gradient, d) < FLATTER * slope) low = step;
    else return { x, value, gradient };
    step = high === Number.POSITIVE_INFINITY ? 2 * step : (low + high) / 2;
  }
  return undefined;
}

/** How a function is minimised. */
interface Minimising {
  /** Stop when no element of the gradient is larger. */
  readonly tolerance: number;
  /** Iterations, at most. */
  readonly most: number;
  /** About the inverse Hessian, times a vector; any positive definite matrix will do. */
  readonly inverse: (v: Float64Array) => Float64Array;
}

/**
 * Minimise a convex smooth function by L-BFGS.
 *
 * @param f      the function
 * @param start  f64[n]
 * @returns      the lowest point found, and whether its gradient is within the tolerance
 * @see          Nocedal & Wright 2006, "Numerical Optimization", 2nd ed., algorithm 7.5
 */
export async function lbfgs(
  f: Objective,
  start: Float64Array,
  { tolerance, most, inverse }: Minimising,
): Promise<{ x: Float64Array; converged: boolean; iterations: number }> {
  let point: Point = { x: start, ...(await f(start)) };
  let changes: Change[] = [];
  const steepest = () => point.gradient.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  for (let iterations = 0; iterations < most; iterations++) {
    if (steepest() <= tolerance) return { x: point.x, converged: true, iterations };
    const next = await search(f, point, direction(point.gradient, changes, inverse));
    if (!next) return { x: point.x, converged: false, iterations };
    const change = { s: along(next.x, -1, point.x), y: along(next.gradient, -1, point.gradient) };
    if (inner(change.s, change.y) > 0) changes = [...changes, change].slice(-MEMORY);
    point = next;
  }
  return { x: point.x, converged: steepest() <= tolerance, iterations: most };
}
