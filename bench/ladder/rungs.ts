/** The ladders: from the plainest kernel to the one that the engine uses, one idea a rung. */
import { launch, product, type Tensor } from "../../engine/graph.ts";
import { matmul } from "../../engine/ops/matmul.ts";
import { nearest } from "../../engine/ops/nearest.ts";
import { reshape } from "../../engine/ops/reshape.ts";
import { nearestMerge } from "../../kernels/nearest/nearest.ts";
import type { Case, Shapes } from "../../test/case.ts";
import { plain } from "../../test/ops/matmul.ts";
import nearestCase, { ties } from "../../test/ops/nearest.ts";
import { searchByScores } from "../nearest.ts";
import { matmulNaive, matmulRegisters, matmulVectors, matmulWorkgroup } from "./matmul/kernels.ts";
import { CHUNK, nearestQuery, nearestSplit, nearestWorkgroup } from "./nearest/kernels.ts";

/** One idea. */
export interface Rung {
  readonly name: string;
  readonly run: Case["run"];
  /** Whether kernels may be exchanged for those of narrow subgroups; no when left out. */
  readonly subgroups?: boolean;
}

/** An op made in more and more ideas; the last rung is the engine's own op. */
export interface Ladder {
  readonly op: string;
  /** What every rung must agree with. */
  readonly cases: readonly Case[];
  /** What is timed. */
  readonly shapes: Shapes<string>;
  readonly rungs: readonly Rung[];
}

type Operands = Readonly<Record<string, Tensor>>;

/** The op with another kernel: batches of products; `b` may lack the leading dimensions of `a`. */
const productBy =
  (kernel: typeof matmulNaive) =>
  ({ a, b }: Operands) => {
    const [K, N] = b!.shape.slice(-2) as [number, number];
    const shared = b!.shape.length === 2;
    const M = shared ? product(a!.shape) / K : a!.shape.at(-2)!;
    const batches = shared ? 1 : product(a!.shape.slice(0, -2));
    const shape = [...a!.shape.slice(0, -1), N];
    const operands = { a: a!, b: b! };
    return reshape(launch(kernel, { M, N, K, batches }, operands, { y: shape }).y, shape);
  };

const sizesOf = ({ queries, pool }: Operands) => {
  const [B, D] = queries!.shape as [number, number];
  return { B, D, P: pool!.shape[0]!, operands: { queries: queries!, pool: pool! } };
};

function searchWhole(given: Operands) {
  const { B, P, D, operands } = sizesOf(given);
  const outputs = { score: [B], index: { shape: [B], dtype: "u32" } } as const;
  return launch(nearestQuery, { B, P, D }, operands, outputs);
}

const searchChunks = (kernel: typeof nearestSplit) => (given: Operands) => {
  const { B, P, D, operands } = sizesOf(given);
  const chunks = Math.ceil(P / CHUNK);
  const results = (shape: readonly number[]) =>
    ({ score: shape, index: { shape, dtype: "u32" } }) as const;
  const found = launch(kernel, { B, P, D, chunks }, operands, results([B, chunks]));
  const parts = { scores: found.score, indices: found.index };
  return launch(nearestMerge, { B, parts: chunks }, parts, results([B]));
};

const multiply = ({ a, b }: Operands) => matmul(a!, b!);
const search = ({ queries, pool }: Operands) => ({ ...nearest(queries!, pool!) });

export const ladders: readonly Ladder[] = [
  {
    op: "matmul",
    cases: [plain as Case],
    shapes: { a: [512, 512], b: [512, 512] },
    rungs: [
      { name: "one thread per result", run: productBy(matmulNaive) },
      { name: "tile in workgroup memory", run: productBy(matmulWorkgroup) },
      { name: "4 × 4 results in registers", run: productBy(matmulRegisters) },
      { name: "vec4 loads", run: productBy(matmulVectors) },
      { name: "8 × 8 results in registers", run: multiply },
      { name: "narrow subgroups share loads", run: multiply, subgroups: true },
    ],
  },
  {
    op: "nearest",
    cases: [nearestCase as Case, ties as Case],
    shapes: { queries: [256, 128], pool: [8192, 128] },
    rungs: [
      {
        name: "matmul, then argmax",
        run: ({ queries, pool }) => ({ index: searchByScores(queries!, pool!) }),
      },
      { name: "one thread per query", run: searchWhole },
      { name: "pool split, joined in order", run: searchChunks(nearestSplit) },
      { name: "tile in workgroup memory", run: searchChunks(nearestWorkgroup) },
      { name: "8 × 8 scores in registers", run: search },
      { name: "narrow subgroups share loads", run: search, subgroups: true },
    ],
  },
];
