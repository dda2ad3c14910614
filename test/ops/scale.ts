import { scale } from "../../engine/ops/scale.ts";
import { array64, defineCase } from "../case.ts";

const FACTOR = -0.3;

export default defineCase<"x">({
  run: ({ x }) => scale(x, FACTOR),
  reference: ({ x }) => array64(x.shape, (i) => FACTOR * x.data[i]!),
  shapes: [{ x: [] }, { x: [3, 67] }, { x: [1028] }],
  tolerance: { relative: 2e-7, why: "one rounding, of a factor that is rounded too" },
  bench: { "activations, batch 128 × 16 tokens × 512": { x: [128, 16, 512] } },
});
