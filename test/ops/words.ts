import { product } from "../../engine/graph.ts";
import { gatherWords, ravelIndex, scatterWords } from "../../engine/ops/words.ts";
import { array64, defineCase } from "../case.ts";

const exact = { relative: 0, why: "no arithmetic" };
const anyWord = (shape: readonly number[], draws: { u32(): number }) =>
  Uint32Array.from({ length: product(shape) }, () => draws.u32());

export const gather = defineCase<"table" | "index">({
  run: ({ table, index }) => gatherWords(table, index),
  reference({ table, index }) {
    const [, ...row] = table.shape;
    const width = product(row);
    const word = (i: number) =>
      table.data[index.data[Math.floor(i / width)]! * width + (i % width)];
    return array64([...index.shape, ...row], (i) => word(i) ?? 0xffffffff);
  },
  shapes: [
    { table: [1], index: [1] },
    { table: [67], index: [131] },
    { table: [31, 5], index: [67] },
  ],
  rejects: [
    { table: [], index: [1] },
    { table: [2, 2], index: [1, 1] },
  ],
  data: {
    table: anyWord,
    // One in a few is beyond the table.
    index: (shape, draws, { table }) =>
      Uint32Array.from({ length: shape[0]! }, () => draws.below(table[0]! + 3)),
  },
  tolerance: exact,
  bench: {
    "ids of matched rows, demo": { table: [3000], index: [128] },
    "tokens of matched captions, demo": { table: [5000, 12], index: [128] },
  },
});

export const ravel = defineCase<"columns">({
  run: ({ columns }) => ravelIndex(columns, 7),
  reference: ({ columns }) => array64(columns.shape, (i) => 7 * i + columns.data[i]!),
  shapes: [{ columns: [1] }, { columns: [131] }],
  rejects: [{ columns: [2, 2] }],
  data: {
    columns: (shape, draws) => Uint32Array.from({ length: shape[0]! }, () => draws.below(7)),
  },
  tolerance: exact,
  bench: { "ends of matched captions, demo": { columns: [128] } },
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
