import { add } from "../../engine/ops/add.ts";
import { array64, defineCase } from "../case.ts";

export default defineCase<"x" | "y">({
  run: ({ x, y }) => add(x, y),
  reference: ({ x, y }) => array64(x.shape, (i) => x.data[i]! + y.data[i % y.data.length]!),
  shapes: [
    { x: [1], y: [] },
    { x: [3, 5, 7], y: [3, 5, 7] },
    { x: [131, 2, 3], y: [2, 3] } /* enough rows for the two-pass sum of y's gradient */,
    { x: [257], y: [257] },
  ],
  rejects: [
    { x: [2, 3], y: [2] },
    { x: [3], y: [2, 3] },
  ],
  tolerance: { relative: 2e-6, why: "one rounding; y's gradient is an f32 sum over ≤ 131 rows" },
  bench: { "residual, ViT-B/32, batch 64": { x: [64, 50, 768], y: [64, 50, 768] } },
});
