import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

export const contrastiveLoss = defineKernel({
  name: "contrastive_loss",
  source: new URL("./contrastive_loss.wgsl", import.meta.url),
  uses: ["index", "workgroup_max", "workgroup_sum"],
  bindings: { similarity: "read", log_scale: "read", ids: "read", lse: "write", term: "write" },
  params: { size: "u32" },
  consts: { WG: [64, 32, 256] },
  reorders: ["WG"],
  grid: ({ size }) => spread(2 * size),
  cost: ({ size }) => ({ flops: 8 * size * size, bytes: WORD_BYTES * (size * size + 5 * size) }),
});

export const contrastiveLossGrad = defineKernel({
  name: "contrastive_loss_grad",
  source: new URL("./contrastive_loss_grad.wgsl", import.meta.url),
  uses: ["index", "workgroup_sum"],
  bindings: {
    similarity: "read",
    log_scale: "read",
    ids: "read",
    lse: "read",
    dloss: "read",
    dsimilarity: "write",
    dscale: "write",
  },
  params: { size: "u32" },
  consts: { WG: [64, 32, 256] },
  reorders: ["WG"],
  grid: ({ size }) => spread(size),
  cost: ({ size }) => ({
    flops: 14 * size * size,
    bytes: WORD_BYTES * (2 * size * size + 4 * size),
  }),
});
