import type { Tensor } from "../../engine/graph.ts";
import {
  gelu as geluOp,
  quickGelu as quickGeluOp,
  relu as reluOp,
} from "../../engine/ops/activation.ts";
import { array64, defineCase } from "../case.ts";

/** The normal distribution function by Simpson's rule over [0, x]: good to 1e-12 here. */
function normalDistribution(x: number): number {
  const parts = 2000;
  const h = x / parts;
  const density = (t: number) => Math.exp(-0.5 * t * t) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let i = 1; i < parts; i++) sum += (i % 2 === 1 ? 4 : 2) * density(i * h);
  return 0.5 + (sum * h) / 3;
}

const elementwise = (op: (x: Tensor) => Tensor, f: (x: number) => number) =>
  defineCase<"x">({
    run: ({ x }) => op(x),
    reference: ({ x }) => array64(x.shape, (i) => f(x.data[i]!)),
    shapes: [{ x: [1] }, { x: [257] }, { x: [4, 67] } /* by fours */],
    tolerance: { relative: 1e-6, why: "erf to 1.5e-7, exp and a few roundings" },
    bench: { "MLP, demo": { x: [2048, 256] } },
  });

export const relu = elementwise(reluOp, (x) => Math.max(x, 0));
export const gelu = elementwise(geluOp, (x) => x * normalDistribution(x));
export const quickGelu = elementwise(quickGeluOp, (x) => x / (1 + Math.exp(-1.702 * x)));
