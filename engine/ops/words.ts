import { gatherWords as gatherKernel } from "../../kernels/gather_words/gather_words.ts";
import { scatterWords as scatterKernel } from "../../kernels/scatter_words/scatter_words.ts";
import { launch, type Tensor } from "../graph.ts";
import { match } from "../shape.ts";

/**
 * Look up u32 values by index.
 *
 * @param table  u32[P]
 * @param index  u32[B]; an index from P on gives 2³² − 1
 * @returns      u32[B]
 * @throws       ShapeError unless both are vectors
 */
export function gatherWords(table: Tensor, index: Tensor): Tensor {
  const { P, B } = match("gatherWords", {
    table: [table, "P", "u32"],
    index: [index, "B", "u32"],
  });
  const outputs = { y: { shape: [B], dtype: "u32" } } as const;
  return launch(gatherKernel, { count: B, size: P }, { table, index }, outputs).y;
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
