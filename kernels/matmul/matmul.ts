import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";
import {
  PRODUCT_CONSTS,
  PRODUCT_USES,
  productSubgroups,
  productTiles,
  productValid,
  vectorOf,
} from "../lib/product.ts";

const EPILOGUE = "activation";

export const matmul = defineKernel({
  name: "matmul",
  source: new URL("./matmul.wgsl", import.meta.url),
  uses: [...PRODUCT_USES, EPILOGUE],
  bindings: { a: "read", b: "read", bias: "read", y: "write", z: "write" },
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
  consts: PRODUCT_CONSTS,
  options: { BIAS: [0, 1], KIND: [0, 1, 2, 3] },
  valid: productValid,
  fit: ({ M, N, K, aStep, bStep }) => ({
    VECTOR_LEFT: vectorOf(aStep === 1 ? K : M),
    VECTOR_RIGHT: vectorOf(bStep === 1 ? K : N),
  }),
  subgroups: productSubgroups(({ N }) => N, EPILOGUE),
  grid: ({ M, N, K, batches, span, ...tile }) =>
    spread(productTiles(M, N, tile) * batches * Math.ceil(K / span)),
  cost: ({ M, N, K, batches, span, KIND }) => ({
    flops: 2 * batches * M * N * K,
    bytes:
      WORD_BYTES * batches * (M * K + K * N + M * N * (Math.ceil(K / span) + (KIND > 1 ? 1 : 0))),
  }),
});
