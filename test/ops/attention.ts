import { attention, selfAttention } from "../../engine/ops/attention.ts";
import { type Array64, array64, defineCase } from "../case.ts";
import { halves } from "../halves.ts";

/** Row by row: all scores of a query, their softmax, the weighted sum of the values. */
function attend(q: Array64, k: Array64, v: Array64, causal: boolean): Array64 {
  const [B, Q, H, K] = q.shape as [number, number, number, number];
  const T = k.shape[1]!;
  const y = array64(q.shape);
  for (let b = 0; b < B; b++)
    for (let i = 0; i < Q; i++)
      for (let h = 0; h < H; h++) {
        const row = ((b * Q + i) * H + h) * K;
        const other = (j: number) => ((b * T + j) * H + h) * K;
        const weights: number[] = [];
        for (let j = 0; j < (causal ? i + 1 : T); j++) {
          let s = 0;
          for (let c = 0; c < K; c++) s += q.data[row + c]! * k.data[other(j) + c]!;
          weights.push(Math.exp(s / Math.sqrt(K)));
        }
        const total = weights.reduce((a, w) => a + w, 0);
        weights.forEach((w, j) => {
          for (let c = 0; c < K; c++) y.data[row + c]! += (w / total) * v.data[other(j) + c]!;
        });
      }
  return y;
}

/** Part 0, 1 or 2 of packed q, k and v. */
function part(qkv: Array64, which: number): Array64 {
  const [B, T, , H, K] = qkv.shape as [number, number, number, number, number];
  const size = H * K;
  return array64([B, T, H, K], (i) => {
    const token = Math.floor(i / size);
    return qkv.data[(token * 3 + which) * size + (i % size)]!;
  });
}

const tolerance = {
  relative: 5e-6,
  gradient: 2e-5,
  why: "f32 sums over K ≤ 128 in an exponent, then over T ≤ 197",
};

export const attentionCase = defineCase<"q" | "k" | "v">({
  run: ({ q, k, v }) => attention(q, k, v),
  reference: ({ q, k, v }) => attend(q, k, v, false),
  shapes: [
    { q: [1, 1, 1, 1], k: [1, 1, 1, 1], v: [1, 1, 1, 1] },
    { q: [2, 1, 2, 16], k: [2, 17, 2, 16], v: [2, 17, 2, 16] } /* a pooling query */,
    { q: [1, 65, 1, 8], k: [1, 3, 1, 8], v: [1, 3, 1, 8] } /* one past 16 fours */,
    { q: [1, 2, 1, 128], k: [1, 5, 1, 128], v: [1, 5, 1, 128] } /* many columns per thread */,
    { q: [2, 19, 3, 7], k: [2, 23, 3, 7], v: [2, 23, 3, 7] },
  ],
  rejects: [
    { q: [1, 2, 1, 4], k: [1, 3, 1, 4], v: [1, 2, 1, 4] },
    { q: [1, 2, 2, 4], k: [1, 3, 1, 4], v: [1, 3, 1, 4] },
    { q: [1, 2, 1, 4], k: [1, 513, 1, 4], v: [1, 513, 1, 4] },
  ],
  tolerance,
  bench: {
    "ViT-B/32, batch 16": { q: [16, 50, 12, 64], k: [16, 50, 12, 64], v: [16, 50, 12, 64] },
  },
});

export const attentionCausal = defineCase<"q" | "k" | "v">({
  run: ({ q, k, v }) => attention(q, k, v, { causal: true }),
  reference: ({ q, k, v }) => attend(q, k, v, true),
  shapes: [{ q: [2, 18, 2, 8], k: [2, 18, 2, 8], v: [2, 18, 2, 8] }],
  rejects: [{ q: [1, 2, 1, 4], k: [1, 3, 1, 4], v: [1, 3, 1, 4] }],
  tolerance,
});

export const selfAttentionCase = defineCase<"qkv">({
  run: ({ qkv }) => selfAttention(qkv),
  reference: ({ qkv }) => attend(part(qkv, 0), part(qkv, 1), part(qkv, 2), false),
  shapes: [{ qkv: [1, 197, 3, 1, 4] }, { qkv: [2, 5, 3, 3, 3] }, { qkv: [1, 50, 3, 2, 8] }],
  rejects: [{ qkv: [2, 5, 2, 3, 4] }, { qkv: [1, 513, 3, 1, 4] }],
  tolerance,
  bench: { "ViT-B/32, batch 16": { qkv: [16, 50, 3, 12, 64] } },
});

export const selfAttentionCausal = defineCase<"qkv">({
  run: ({ qkv }) => selfAttention(qkv, { causal: true }),
  reference: ({ qkv }) => attend(part(qkv, 0), part(qkv, 1), part(qkv, 2), true),
  shapes: [
    { qkv: [1, 1, 3, 1, 1] },
    { qkv: [1, 77, 3, 1, 8] },
    { qkv: [1, 16, 3, 2, 36] } /* columns that threads share unevenly */,
    { qkv: [2, 19, 3, 2, 5] },
  ],
  rejects: [{ qkv: [2, 5, 12] }],
  tolerance,
  bench: {
    "demo text tower": { qkv: [128, 12, 3, 2, 32] },
    "16 tokens, 4 heads": { qkv: [128, 16, 3, 4, 32] },
  },
});

/**
 * Numbers that f16 keeps as they are, so that only y is rounded, by 2⁻¹⁰ where adapters truncate.
 * dq = Σ p (dy · v − dy · y) k / √K is off by at most 2⁻¹⁰ · Σ |dy y| · max |k| / √K, and the two
 * terms nearly cancel, so that this is a few times 2⁻¹⁰ of the largest dq. dk is alike.
 */
const ofKept = {
  tolerance: { ...tolerance, gradient: 4e-3, why: "y to 2⁻¹⁰, in a difference that cancels" },
  bench: {},
};

export const attentionKept = defineCase<"q" | "k" | "v">({
  ...attentionCase,
  ...ofKept,
  run: ({ q, k, v }) => attention(q, k, v, { kept: "f16" }),
  data: { q: halves, k: halves, v: halves },
});

export const selfAttentionKept = defineCase<"qkv">({
  ...selfAttentionCausal,
  ...ofKept,
  run: ({ qkv }) => selfAttention(qkv, { causal: true, kept: "f16" }),
  data: { qkv: halves },
});
