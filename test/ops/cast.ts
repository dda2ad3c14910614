import { cast } from "../../engine/ops/cast.ts";
import { array64, defineCase } from "../case.ts";
import { halves } from "../halves.ts";

const there = { shapes: [{ x: [] }, { x: [3, 67] }, { x: [1028] }] };

export const rounded = defineCase<"x">({
  run: ({ x }) => cast(cast(x, "f16"), "f32"),
  reference: ({ x }) => array64(x.shape, (i) => x.data[i]!),
  ...there,
  tolerance: { relative: 2 ** -10, gradient: 0, why: "11 bits, rounded up or down" },
  bench: { "activations, batch 128 × 16 tokens × 512": { x: [128, 16, 512] } },
});

export const exact = defineCase<"x">({
  run: ({ x }) => cast(cast(x, "f16"), "f32"),
  reference: ({ x }) => array64(x.shape, (i) => x.data[i]!),
  ...there,
  data: { x: halves },
  tolerance: { relative: 0, why: "f16 holds these" },
});
