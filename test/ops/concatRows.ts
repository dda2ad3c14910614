import { concatRows } from "../../engine/ops/concatRows.ts";
import { array64, defineCase } from "../case.ts";

export default defineCase<"a" | "b" | "c">({
  run: ({ a, b, c }) => concatRows([a, b, c]),
  reference({ a, b, c }) {
    const all = [...a.data, ...b.data, ...c.data];
    const rows = a.shape[0]! + b.shape[0]! + c.shape[0]!;
    return array64([rows, ...a.shape.slice(1)], (i) => all[i]!);
  },
  shapes: [
    { a: [1], b: [2], c: [1] },
    { a: [3, 5], b: [1, 5], c: [4, 5] },
    { a: [2, 3, 4], b: [2, 3, 4], c: [7, 3, 4] },
    { a: [67, 257], b: [1, 257], c: [2, 257] } /* more than a workgroup copies */,
  ],
  rejects: [{ a: [2, 3], b: [2, 4], c: [2, 3] }],
  tolerance: { relative: 0, gradient: 1e-9, why: "copies; differences of the reference to 1e-10" },
  bench: { "features, 3 × 128 of 512": { a: [128, 512], b: [128, 512], c: [128, 512] } },
});
