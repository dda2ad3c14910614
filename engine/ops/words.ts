import { gatherWords as gatherKernel } from "../../kernels/gather_words/gather_words.ts";
import { ravelIndex as ravelKernel } from "../../kernels/ravel_index/ravel_index.ts";
import { scatterWords as scatterKernel } from "../../kernels/scatter_words/scatter_words.ts";
import { launch, product, type Tensor } from "../graph.ts";
import { match } from "../shape.ts";

/**
 * Look up rows of u32 values by index.
 *
 * @param table  u32[P, *S]
 * @param index  u32[B]; an index from P on gives 2³² − 1
 * @returns      u32[B, *S]
 * @throws       ShapeError unless the table has a dimension and index is a vector
 */
export function gatherWords(table: Tensor, index: Tensor): Tensor {
  const { P, S, B } = match("gatherWords", {
    table: [table, "P *S", "u32"],
    index: [index, "B", "u32"],
  });
  const outputs = { y: { shape: [B, ...S], dtype: "u32" } } as const;
  const params = { count: B, size: P, width: product(S) };
  return launch(gatherKernel, params, { table, index }, outputs).y;
}

/**
 * The places of one element of each row in the flattened matrix, as numpy.ravel_multi_index.
 *
 * @param columns  u32[B], each row's place in it
 * @param width    elements of a row
 * @returns        u32[B]: row · width + column
 * @throws         ShapeError unless columns are a vector
 */
export function ravelIndex(columns: Tensor, width: number): Tensor {
  const { B } = match("ravelIndex", { columns: [columns, "B", "u32"] });
  const outputs = { y: { shape: [B], dtype: "u32" } } as const;
  return launch(ravelKernel, { rows: B, width }, { columns }, outputs).y;
}

/**
 * Write u32 values at given places of a table of state, in place.
 *
 * @param table  u32[P] state
 * @param index  u32[B], distinct; an index from P on is ignored
 * @param x      u32[B]
 * @returns      u32[P], the table's new version
 * @throws       ShapeError unless index and x are vectors of one length
 */
export function scatterWords(table: Tensor, index: Tensor, x: Tensor): Tensor {
  const { P, B } = match("scatterWords", {
    table: [table, "P", "u32"],
    index: [index, "B", "u32"],
    x: [x, "B", "u32"],
  });
  return launch(scatterKernel, { count: B, size: P }, { table, index, x }, {}).table;
}
