import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

/** Columns of a thread's tile. */
const COLS = 4;

/** Largest subgroup that is known to gain: those of llvmpipe (8) and SwiftShader (4). */
const MAX_LANES = 8;

/** Tiles of 32 rows that a subgroup loads together, instead of 8 that each thread loads itself. */
const tileSubgroups = (size: number) =>
  size > 1 && size <= MAX_LANES
    ? {
        uses: ["index", "tile_subgroup"],
        consts: { ROWS: [32, 16], LANES: [size], WGX: [size], WGY: [1] },
      }
    : undefined;

export const matmul = defineKernel({
  name: "matmul",
  source: new URL("./matmul.wgsl", import.meta.url),
  uses: ["index", "tile_own"],
  bindings: { a: "read", b: "read", y: "write" },
  params: {
    M: "u32",
    N: "u32",
    K: "u32",
    batches: "u32",
    span: "u32",
    aRow: "u32",
    aStep: "u32",
    bStep: "u32",
    bCol: "u32",
  },
  consts: { ROWS: [8, 4], LANES: [1], WGX: [8, 16], WGY: [8] },
  subgroups: tileSubgroups,
  grid({ M, N, K, batches, span, ROWS, WGX, WGY }) {
    const tiles = Math.ceil(M / (ROWS * WGY)) * Math.ceil(N / (COLS * WGX));
    return spread(tiles * batches * Math.ceil(K / span));
  },
  cost: ({ M, N, K, batches, span }) => ({
    flops: 2 * batches * M * N * K,
    bytes: WORD_BYTES * batches * (M * K + K * N + M * N * Math.ceil(K / span)),
  }),
});
