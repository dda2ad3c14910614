import { movingAverage } from "../../engine/ops/movingAverage.ts";
import { type Array64, array64, defineCase } from "../case.ts";

const RATE = 0.125; // exact in f32, as the reference computes with it

type Operands = "a" | "b" | "c" | "d" | "av" | "bv" | "cv" | "dv" | "rate";

/** Four pairs: one dispatch of three and one of a single pair. */
const of = (a: number[], b: number[], c: number[], d: number[]) => ({
  ...{ a, b, c, d, rate: [1] },
  ...{ av: a, bv: b, cv: c, dv: d },
});

export default defineCase<Operands>({
  run({ a, b, c, d, av, bv, cv, dv, rate }) {
    const pairs = [
      { average: a, value: av },
      { average: b, value: bv },
      { average: c, value: cv },
      { average: d, value: dv },
    ];
    const [y0, y1, y2, y3] = movingAverage(pairs, rate);
    return { y0: y0!, y1: y1!, y2: y2!, y3: y3! };
  },
  reference({ a, b, c, d, av, bv, cv, dv }) {
    const moved = (x: Array64, v: Array64) =>
      array64(x.shape, (i) => (1 - RATE) * x.data[i]! + RATE * v.data[i]!);
    return { y0: moved(a, av), y1: moved(b, bv), y2: moved(c, cv), y3: moved(d, dv) };
  },
  shapes: [of([], [1], [3], [2, 2]), of([257], [3, 5, 7], [4, 129], [67])],
  rejects: [
    { ...of([4], [4], [4], [4]), dv: [3] },
    { ...of([4], [4], [4], [4]), rate: [2] },
  ],
  data: { rate: () => Float32Array.of(RATE) },
  differentiable: [],
  tolerance: { relative: 3e-7, why: "three roundings" },
  bench: {
    "norms and a layer of the demo": of([64], [64], [3, 3, 64, 128], [128]),
    "ViT-B/32, MLP matrices": of([768, 3072], [3072], [3072, 768], [768]),
  },
});
