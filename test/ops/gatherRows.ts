import { gatherRows } from "../../engine/ops/gatherRows.ts";
import { array64, defineCase } from "../case.ts";

/** Half of the ids are 1, as padding is; of the rest some lie beyond the table. */
const ids = (shape: readonly number[], draws: { below(n: number): number }, rows: number) =>
  Uint32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () =>
    draws.below(2) === 0 ? 1 : draws.below(rows + 2),
  );

export default defineCase<"table" | "ids">({
  run: ({ table, ids }) => gatherRows(table, ids),
  reference({ table, ids }) {
    const [V, D] = table.shape as [number, number];
    return array64([...ids.shape, D], (at) => {
      const id = ids.data[Math.floor(at / D)]!;
      return id < V ? table.data[id * D + (at % D)]! : 0;
    });
  },
  shapes: [
    { table: [1, 1], ids: [3] },
    { table: [5, 3], ids: [] },
    { table: [3, 8], ids: [1, 1] },
    { table: [131, 4], ids: [13, 5] },
    { table: [7, 257], ids: [2, 33] } /* one past the workgroup; rows no multiple of 4 */,
    { table: [67, 12], ids: [3, 11] },
  ],
  data: { ids: (shape, draws, { table }) => ids(shape, draws, table[0]!) },
  rejects: [{ table: [4], ids: [2] }],
  tolerance: { relative: 0, gradient: 2e-6, why: "a copy; its gradient an f32 sum of ≤ 66 rows" },
  bench: {
    "tokens, batch 128 × 16": { table: [4000, 128], ids: [128, 16] },
    "CLIP's vocabulary": { table: [49408, 512], ids: [32, 77] },
    "end of text, batch 128": { table: [2048, 128], ids: [128] },
  },
});
