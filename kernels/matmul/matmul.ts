import { defineKernel, ELEMENT, spread, WORD_BYTES } from "../kernel.ts";
import {
  PRODUCT_CONSTS,
  PRODUCT_USES,
  productMatrices,
  productSubgroups,
  productTiles,
  productValid,
  vectorOf,
} from "../lib/product.ts";

const EPILOGUE = ["activation", "rounded"] as const;
const ENTRY = "product_entry";

export const matmul = defineKernel({
  name: "matmul",
  source: new URL("./matmul.wgsl", import.meta.url),
  uses: [...PRODUCT_USES, ...EPILOGUE, ENTRY],
  bindings: {
    a: "read",
    b: "read",
    bias: "read",
    residual: "read",
    y: "write",
    z: "write",
  },
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
    heads: "u32",
    aHead: "u32",
    bHead: "u32",
  },
  consts: PRODUCT_CONSTS,
  options: {
    ELEMENT,
    ELEMENT_Y: ELEMENT,
    ELEMENT_Z: ELEMENT,
    BIAS: [0, 1],
    KIND: [0, 1, 2, 3],
    RESIDUAL: [0, 1],
  },
  valid: productValid,
  fit: ({ M, N, K, aStep, bStep }) => ({
    VECTOR_LEFT: vectorOf(aStep === 1 ? K : M),
    VECTOR_RIGHT: vectorOf(bStep === 1 ? K : N),
  }),
  subgroups: productSubgroups(({ N }) => N, [...EPILOGUE, ENTRY], { TERMS: 3 }),
  matrices: productMatrices(...EPILOGUE),
  grid: ({ M, N, K, batches, span, ...tile }) =>
    spread(productTiles(M, N, tile) * batches * Math.ceil(K / span)),
  cost: ({ M, N, K, batches, span, KIND, RESIDUAL, ELEMENT, ELEMENT_Y, ELEMENT_Z }) => ({
    flops: 2 * batches * M * N * K,
    bytes:
      (ELEMENT / 8) * batches * (M * K + K * N) +
      batches *
        M *
        N *
        ((ELEMENT_Y / 8) * Math.ceil(K / span) +
          (KIND > 1 ? ELEMENT_Z / 8 : 0) +
          WORD_BYTES * RESIDUAL),
  }),
});
