import { unitRows } from "../../engine/ops/unitRows.ts";
import { type Array64, array64, defineCase } from "../case.ts";

const reference = ({ x }: { x: Array64 }) => {
  const D = x.shape.at(-1)!;
  const norms = array64([x.data.length / D]);
  x.data.forEach((value, i) => {
    norms.data[Math.floor(i / D)]! += value ** 2;
  });
  const norm = (i: number) => Math.max(Math.sqrt(norms.data[Math.floor(i / D)]!), 1e-12);
  return array64(x.shape, (i) => x.data[i]! / norm(i));
};

export default defineCase<"x">({
  run: ({ x }) => unitRows(x),
  reference,
  shapes: [{ x: [1] }, { x: [7] }, { x: [2, 3, 5] }, { x: [9, 64] }, { x: [3, 257] }],
  rejects: [{ x: [] }],
  tolerance: { relative: 2e-6, why: "an f32 sum over D ≤ 257 in lanes, a root and a division" },
  bench: { "text embeddings, ViT-B/32, batch 512": { x: [512, 512] } },
});

export const zeroRow = defineCase<"x">({
  run: ({ x }) => unitRows(x),
  reference,
  shapes: [{ x: [3, 8] }],
  differentiable: [], // the op's gradient at a zero row is 0 by decision, not the slope 1e12
  data: { x: (shape) => Float32Array.from({ length: 24 }, (_, i) => (i < 8 ? 0 : i % shape[1]!)) },
  tolerance: { relative: 1e-6, why: "as unitRows" },
});
