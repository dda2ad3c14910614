import { reshape } from "../../engine/ops/reshape.ts";
import { array64, defineCase } from "../case.ts";

export default defineCase<"x">({
  run: ({ x }) => reshape(x, [2, Math.floor(x.storage.elements / 2)]),
  reference: ({ x }) => array64([2, x.data.length / 2], (i) => x.data[i]!),
  shapes: [{ x: [2, 3, 5] }],
  rejects: [{ x: [3] }],
  tolerance: { relative: 0, why: "no arithmetic" },
});
