import type { Tensor } from "../../engine/graph.ts";
import {
  gelu as geluOp,
  quickGelu as quickGeluOp,
  relu as reluOp,
} from "../../engine/ops/activation.ts";
import { array64, defineCase } from "../case.ts";
import { normalDistribution } from "../normalDistribution.ts";

const elementwise = (op: (x: Tensor) => Tensor, f: (x: number) => number) =>
  defineCase<"x">({
    run: ({ x }) => op(x),
    reference: ({ x }) => array64(x.shape, (i) => f(x.data[i]!)),
    shapes: [{ x: [1] }, { x: [257] }, { x: [4, 67] } /* by fours */],
    tolerance: { relative: 1e-6, why: "erf to 1.5e-7, exp and a few roundings" },
    bench: { "MLP, demo": { x: [1536, 256] } },
  });

export const relu = elementwise(reluOp, (x) => Math.max(x, 0));
export const gelu = elementwise(geluOp, (x) => x * normalDistribution(x));
export const quickGelu = elementwise(quickGeluOp, (x) => x / (1 + Math.exp(-1.702 * x)));
