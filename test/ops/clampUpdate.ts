import { clampUpdate } from "../../engine/ops/clampUpdate.ts";
import { array64, defineCase } from "../case.ts";

const LOW = -0.5;
const HIGH = 0.75;

export default defineCase<"x">({
  run: ({ x }) => clampUpdate(x, LOW, HIGH),
  reference: ({ x }) => array64(x.shape, (i) => Math.min(Math.max(x.data[i]!, LOW), HIGH)),
  shapes: [{ x: [] }, { x: [5, 67] }],
  differentiable: [],
  tolerance: { relative: 0, why: "no arithmetic" },
  bench: { "logit scale": { x: [] } },
});

export const withNaN = defineCase<"x">({
  run: ({ x }) => clampUpdate(x, LOW, HIGH),
  reference: ({ x }) => x,
  shapes: [{ x: [3] }],
  data: { x: () => Float32Array.of(NaN, 0, NaN) },
  differentiable: [],
  tolerance: { relative: 0, why: "no arithmetic" },
});
