import { multiply } from "../../engine/ops/multiply.ts";
import { array64, defineCase } from "../case.ts";

export default defineCase<"x" | "y">({
  run: ({ x, y }) => multiply(x, y),
  reference: ({ x, y }) => array64(x.shape, (i) => x.data[i]! * y.data[i % y.data.length]!),
  shapes: [
    { x: [1], y: [] },
    { x: [37, 41], y: [] } /* enough elements for the two-pass sum of y's gradient */,
    { x: [3, 5, 7], y: [3, 5, 7] },
    { x: [131, 2, 4], y: [2, 4] },
    { x: [5, 3], y: [3] },
    { x: [1032], y: [1032] } /* vectors one past what a workgroup takes */,
  ],
  rejects: [
    { x: [2, 3], y: [2] },
    { x: [3], y: [2, 3] },
  ],
  tolerance: { relative: 2e-6, why: "one rounding; y's gradient is an f32 sum of ≤ 1517 products" },
  bench: {
    "a gate, batch 128 × 16 tokens × 512": { x: [128, 16, 512], y: [128, 16, 512] },
    "a gain, batch 128 × 16 tokens × 512": { x: [128, 16, 512], y: [512] },
    "a temperature, batch 128": { x: [128, 128], y: [] },
  },
});
