/** The rungs below the production product: one idea each, in the order of the ladder. */
import { defineKernel, WORD_BYTES } from "../../../kernels/kernel.ts";
import { vectorOf } from "../../../kernels/lib/product.ts";

/** What all of them read, write and cost; a workgroup makes `tile` × `tile` results. */
const product = (name: string, tile: number) => ({
  name,
  source: new URL(`./${name}.wgsl`, import.meta.url),
  uses: [],
  bindings: { a: "read", b: "read", y: "write" } as const,
  params: { M: "u32", N: "u32", K: "u32", batches: "u32" } as const,
  consts: {},
  grid: ({ M, N, batches }: Readonly<Record<"M" | "N" | "batches", number>>) => [
    Math.ceil(N / tile),
    Math.ceil(M / tile),
    batches,
  ],
  cost: ({ M, N, K, batches }: Readonly<Record<"M" | "N" | "K" | "batches", number>>) => ({
    flops: 2 * batches * M * N * K,
    bytes: WORD_BYTES * batches * (M * K + K * N + M * N),
  }),
});

export const matmulNaive = defineKernel(product("matmul_naive", 16));

export const matmulWorkgroup = defineKernel(product("matmul_workgroup", 16));

export const matmulRegisters = defineKernel(product("matmul_registers", 64));

export const matmulVectors = defineKernel({
  ...product("matmul_vectors", 64),
  fit: ({ K, N }) => ({ VECTOR_LEFT: vectorOf(K), VECTOR_RIGHT: vectorOf(N) }),
});
