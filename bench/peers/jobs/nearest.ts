/** The pool match: for every query the pool row with the largest inner product. */
import type { HostArray } from "../../../engine/graph.ts";
import { nearest } from "../../../engine/ops/nearest.ts";
import { searchAnswer, searchData } from "../../nearest.ts";
import type { OnnxModel } from "../engines/onnx.ts";
import type { Job, Named } from "../job.ts";

const QUERIES = 256;
const WIDTH = 512;
const POOLS = [1024, 4096, 16_384, 65_536];

/** Scores of every query with every row, and the place of the largest. */
const ortSearch = (operands: Named<HostArray>): OnnxModel => ({
  constants: operands,
  nodes: [
    {
      op: "Gemm",
      inputs: ["queries", "pool"],
      outputs: ["scores"],
      attributes: { transB: 1 },
    },
    {
      op: "ArgMax",
      inputs: ["scores"],
      outputs: ["index"],
      attributes: { axis: 1, keepdims: 0 },
    },
  ],
  outputs: { index: { dtype: "i64", rank: 1 } },
});

/** Queries are noisy copies of pool rows, so that the answer is known for all of them. */
function jobOf(P: number): Job {
  const search = { B: QUERIES, P, D: WIDTH };
  return {
    op: "top-1",
    shape: `${QUERIES} queries, pool ${P}, width ${WIDTH}`,
    operands() {
      const { pool, queries } = searchData(search);
      return {
        queries: { shape: [QUERIES, WIDTH], data: queries },
        pool: { shape: [P, WIDTH], data: pool },
      };
    },
    own: ({ queries, pool }) => ({ outputs: { index: nearest(queries!, pool!).index } }),
    tfjs: (tf, { queries, pool }) => ({
      index: tf.argMax(tf.matMul(queries!, pool!, false, true), 1),
    }),
    jax: ({ numpy: np }, { queries, pool }) => ({
      index: np.argmax(np.matmul(queries!, np.transpose(pool!, [1, 0])), 1),
    }),
    ort: ortSearch,
    expected() {
      const values = [...searchAnswer(search)];
      return [{ name: "index", at: values.map((_, b) => b), values }];
    },
    tolerance: 0,
  };
}

export const nearestJobs: readonly Job[] = POOLS.map(jobOf);
