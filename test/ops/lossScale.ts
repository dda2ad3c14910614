import { lossScale } from "../../engine/ops/lossScale.ts";
import { array64, defineCase } from "../case.ts";

const INTERVAL = 8;

interface Given {
  readonly scale: number;
  readonly steps: number;
  /** Of the gradients' norm, scaled back; 0 for none. */
  readonly limit?: number;
  /** A gradient's last element. */
  readonly last?: number;
}

const caseOf = ({ scale, steps, limit = 0, last }: Given) =>
  defineCase<"a" | "b" | "scale" | "steps">({
    run: ({ a, b, ...state }) => ({ ...lossScale([a, b], state, { interval: INTERVAL, limit }) }),
    reference({ a, b }) {
      const squares = [...a.data, ...b.data].reduce((sum, x) => sum + x * x, 0);
      const finite = Number.isFinite(squares);
      const clip = limit ? Math.min(1, limit / (Math.sqrt(squares) / scale + 1e-6)) : 1;
      const grows = finite && steps + 1 === INTERVAL;
      const next = finite ? scale * (grows ? 2 : 1) : scale / 2;
      return {
        factor: array64([], () => (finite ? clip / scale : 0)),
        scale: array64([], () => Math.min(Math.max(next, 2 ** -24), 2 ** 24)),
        steps: array64([], () => (finite && !grows ? steps + 1 : 0)),
      };
    },
    shapes: [{ a: [3, 5, 7], b: [67, 21], scale: [], steps: [] }],
    rejects: [{ a: [3], b: [2], scale: [1], steps: [] }],
    data: {
      a: (shape, draws) =>
        Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) =>
          i === 104 && last !== undefined ? last : draws.normal(),
        ),
      scale: () => Float32Array.of(scale),
      steps: () => Uint32Array.of(steps),
    },
    differentiable: [],
    tolerance: { relative: 1e-5, why: "a sum of 1512 squares" },
  });

export const between = caseOf({ scale: 1024, steps: 3 });
export const grows = caseOf({ scale: 1024, steps: 7, limit: 1e6 });
export const clips = caseOf({ scale: 4, steps: 0, limit: 0.25 });
export const infinite = caseOf({ scale: 1024, steps: 3, last: Number.POSITIVE_INFINITY });
export const undefinedNumber = caseOf({ scale: 1024, steps: 7, limit: 1, last: Number.NaN });
export const most = caseOf({ scale: 2 ** 24, steps: 7 });
export const least = caseOf({ scale: 2 ** -24, steps: 0, last: Number.NEGATIVE_INFINITY });
