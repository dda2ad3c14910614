import { product } from "../../engine/graph.ts";
import { adamW } from "../../engine/ops/adamW.ts";
import { array64, defineCase } from "../case.ts";

const SETTINGS = { beta1: 0.9, beta2: 0.999, eps: 1e-3, weightDecay: 0.1 };
const LR = 0.125; // exact in f32, as the reference computes with it
const STEP = 3;

const correction = (beta: number) => Math.fround(1 / (1 - beta ** STEP));
const of = (shape: readonly number[]) => ({
  parameter: shape,
  gradient: shape,
  first: shape,
  second: shape,
  schedule: [3],
  factor: [],
});

type Operands = "parameter" | "gradient" | "first" | "second" | "schedule" | "factor";

export default defineCase<Operands>({
  run({ parameter, gradient, first, second, schedule, factor }) {
    const { weightDecay } = SETTINGS;
    const tensor = { parameter, gradient, first, second, weightDecay };
    return { ...adamW([tensor], schedule, factor, SETTINGS)[0]! };
  },
  reference({ parameter, gradient, first, second, schedule, factor }) {
    const { beta1, beta2, eps, weightDecay } = SETTINGS;
    const [lr, correction1, correction2] = schedule.data as unknown as [number, number, number];
    const by = factor.data[0]!;
    const g = gradient.data.map((value) => by * value);
    const m = array64(first.shape, (i) => beta1 * first.data[i]! + (1 - beta1) * g[i]!);
    const v = array64(first.shape, (i) => beta2 * second.data[i]! + (1 - beta2) * g[i]! ** 2);
    const p = array64(first.shape, (i) => {
      const direction = (m.data[i]! * correction1) / (Math.sqrt(v.data[i]! * correction2) + eps);
      return parameter.data[i]! * (1 - lr * weightDecay) - lr * direction;
    });
    return { parameter: p, first: m, second: v };
  },
  shapes: [of([]), of([3, 5, 7]), of([4, 257]), of([257])],
  rejects: [
    { ...of([4]), gradient: [3] },
    { ...of([4]), schedule: [2] },
    { ...of([4]), factor: [1] },
  ],
  data: {
    second: (shape, draws) =>
      Float32Array.from({ length: product(shape) }, () => draws.uniform() ** 4),
    factor: () => Float32Array.of(0.3),
    schedule: () => Float32Array.of(LR, correction(SETTINGS.beta1), correction(SETTINGS.beta2)),
  },
  differentiable: [],
  tolerance: { relative: 1e-6, why: "about ten roundings" },
  bench: {
    "a layer of the demo": of([3, 3, 64, 128]),
    "ViT-B/32, one MLP matrix": of([768, 3072]),
  },
});
