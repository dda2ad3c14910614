import { sgd } from "../../engine/ops/sgd.ts";
import { array64, defineCase } from "../case.ts";

const SETTINGS = { momentum: 0.875, weightDecay: 0.125 }; // exact in f32, as is LR
const LR = 0.25;

const of = (shape: readonly number[]) => ({
  parameter: shape,
  gradient: shape,
  momentum: shape,
  schedule: [3],
  factor: [],
});

export default defineCase<"parameter" | "gradient" | "momentum" | "schedule" | "factor">({
  run({ parameter, gradient, momentum, schedule, factor }) {
    return { ...sgd(parameter, gradient, momentum, schedule, factor, SETTINGS) };
  },
  reference({ parameter, gradient, momentum, factor }) {
    const { momentum: keep, weightDecay } = SETTINGS;
    const velocity = array64(
      momentum.shape,
      (i) =>
        keep * momentum.data[i]! +
        factor.data[0]! * gradient.data[i]! +
        weightDecay * parameter.data[i]!,
    );
    const next = array64(parameter.shape, (i) => parameter.data[i]! - LR * velocity.data[i]!);
    return { parameter: next, momentum: velocity };
  },
  shapes: [of([]), of([3, 5, 7]), of([4, 257])],
  rejects: [
    { ...of([4]), gradient: [3] },
    { ...of([4]), schedule: [2] },
    { ...of([4]), factor: [1] },
  ],
  data: { schedule: () => Float32Array.of(LR, 1, 1), factor: () => Float32Array.of(0.3) },
  differentiable: [],
  tolerance: { relative: 1e-6, why: "about six roundings" },
  bench: {
    "a layer of the demo": of([3, 3, 64, 128]),
    "ViT-B/32, one MLP matrix": of([768, 3072]),
  },
});
