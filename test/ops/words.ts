import { gatherWords, scatterWords } from "../../engine/ops/words.ts";
import { array64, defineCase } from "../case.ts";

const exact = { relative: 0, why: "no arithmetic" };
const anyWord = (shape: readonly number[], draws: { u32(): number }) =>
  Uint32Array.from({ length: shape[0]! }, () => draws.u32());

export const gather = defineCase<"table" | "index">({
  run: ({ table, index }) => gatherWords(table, index),
  reference: ({ table, index }) =>
    array64(index.shape, (i) => table.data[index.data[i]!] ?? 0xffffffff),
  shapes: [
    { table: [1], index: [1] },
    { table: [67], index: [131] },
  ],
  rejects: [{ table: [2, 2], index: [1] }],
  data: {
    table: anyWord,
    // One in a few is beyond the table.
    index: (shape, draws, { table }) =>
      Uint32Array.from({ length: shape[0]! }, () => draws.below(table[0]! + 3)),
  },
  tolerance: exact,
  bench: { "ids of matched rows, demo": { table: [3000], index: [128] } },
});

export const scatter = defineCase<"table" | "index" | "x">({
  run: ({ table, index, x }) => scatterWords(table, index, x),
  reference({ table, index, x }) {
    const y = array64(table.shape, (i) => table.data[i]!);
    index.data.forEach((at, i) => {
      if (at < y.data.length) y.data[at] = x.data[i]!;
    });
    return y;
  },
  shapes: [
    { table: [1], index: [1], x: [1] },
    { table: [131], index: [67], x: [67] },
  ],
  rejects: [{ table: [3], index: [2], x: [1] }],
  data: {
    table: anyWord,
    index: (shape, draws, { table }) => draws.permutation(table[0]! + 3).slice(0, shape[0]!),
    x: anyWord,
  },
  tolerance: exact,
  bench: { "matches of a step, demo": { table: [5000], index: [128], x: [128] } },
});
