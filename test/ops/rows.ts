import { repeatRows, sumRows } from "../../engine/ops/rows.ts";
import { array64, defineCase } from "../case.ts";

export const sum = defineCase<"x">({
  run: ({ x }) => sumRows(x, x.shape.slice(1)),
  reference({ x }) {
    const y = array64(x.shape.slice(1));
    x.data.forEach((value, i) => {
      y.data[i % y.data.length]! += value;
    });
    return y;
  },
  shapes: [{ x: [1, 1] }, { x: [7, 3, 5] }, { x: [64, 2] }, { x: [1031, 65] }],
  tolerance: { relative: 2e-5, why: "f32 sums over ≤ 1031 rows in two passes of √rows" },
  bench: { "bias gradient, batch 256 × 16 tokens": { x: [4096, 256] } },
});

export const repeat = defineCase<"x">({
  run: ({ x }) => repeatRows(x, [131, ...x.shape]),
  reference: ({ x }) => array64([131, ...x.shape], (i) => x.data[i % x.data.length]!),
  shapes: [{ x: [] }, { x: [3, 5] }],
  tolerance: { relative: 2e-6, why: "a copy; its gradient is an f32 sum over 131 rows" },
});
