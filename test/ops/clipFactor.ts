import { clipFactor } from "../../engine/ops/clipFactor.ts";
import { type Array64, array64, defineCase } from "../case.ts";

type Operands = "a" | "b" | "c";

const of = (a: number[], b: number[], c: number[]) => ({ a, b, c });
const shapes = [of([], [1], [3]), of([257], [3, 5, 7], [4, 129]), of([1], [67, 211], [64])];
const norm = (tensors: readonly Array64[]) =>
  Math.sqrt(tensors.flatMap(({ data }) => [...data]).reduce((sum, x) => sum + x * x, 0));

/** Each tensor `times` over: three times are nine tensors, of which seven make a dispatch. */
const caseOf = (limit: number, times: number) =>
  defineCase<Operands>({
    run: ({ a, b, c }) => clipFactor(Array(times).fill([a, b, c]).flat(), limit),
    reference({ a, b, c }) {
      const all = norm(Array(times).fill([a, b, c]).flat());
      return array64([], () => Math.min(1, limit / (all + 1e-6)));
    },
    shapes,
    differentiable: [],
    tolerance: { relative: 1e-5, why: "two sums of squares of 42600 elements" },
    ...(limit < 1 && {
      bench: { "norms and layers of the demo": of([64], [3, 3, 64, 128], [2048, 64]) },
    }),
  });

export const clipped = caseOf(0.25, 3);
export const within = caseOf(1e6, 1);
