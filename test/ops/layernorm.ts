import { layernorm } from "../../engine/ops/layernorm.ts";
import { array64, defineCase } from "../case.ts";
import { halves } from "../halves.ts";

const EPS = 1e-5;

const whole = defineCase<"x" | "gain" | "bias">({
  run: ({ x, gain, bias }) => layernorm(x, gain, bias, { eps: EPS }),
  reference({ x, gain, bias }) {
    const D = gain.data.length;
    const y = array64(x.shape);
    for (let row = 0; row < x.data.length; row += D) {
      const values = x.data.subarray(row, row + D);
      const mean = values.reduce((s, v) => s + v, 0) / D;
      const variance = values.reduce((s, v) => s + (v - mean) ** 2, 0) / D;
      for (let c = 0; c < D; c++)
        y.data[row + c] =
          ((values[c]! - mean) / Math.sqrt(variance + EPS)) * gain.data[c]! + bias.data[c]!;
    }
    return y;
  },
  shapes: [
    { x: [2, 8], gain: [8], bias: [8] },
    { x: [7], gain: [7], bias: [7] },
    { x: [5, 36], gain: [36], bias: [36] },
    { x: [3, 5, 257], gain: [257], bias: [257] } /* one past the workgroup */,
  ],
  rejects: [{ x: [2, 8], gain: [7], bias: [8] }],
  tolerance: { relative: 1e-5, why: "two f32 sums over D ≤ 257" },
  bench: { "ViT-B/32, batch 64": { x: [64, 50, 768], gain: [768], bias: [768] } },
});

export default whole;

/** Numbers that f16 keeps as they are, so that gradients by what is kept are exact. */
export const kept = defineCase<"x" | "gain" | "bias">({
  ...whole,
  run: ({ x, gain, bias }) => layernorm(x, gain, bias, { eps: EPS, kept: "f16" }),
  data: { x: halves },
  bench: {},
});
