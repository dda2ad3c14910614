import {
  attentionDelta,
  attentionKeyGrad,
  attentionPackedGrad,
  attentionQueryGrad,
  attention as forward,
} from "../../kernels/attention/attention.ts";
import { vectorWidth } from "../../kernels/kernel.ts";
import { launch, type Tensor, withGrad } from "../graph.ts";
import { match, type Operand, shapeError } from "../shape.ts";

// Two numbers for each of 4 · QUADS rows and MAX_TOKENS others fill the 16 KiB of workgroup memory
// that WebGPU promises when QUADS is 1
const MAX_TOKENS = 512;
const MAX_QUADS = 4;
const MIN_SPAN = 16;

/** Choices of `attention`. */
export interface AttentionOptions {
  /** Query i sees only the keys j ≤ i. */
  readonly causal?: boolean;
}

interface Sizes {
  readonly B: number;
  readonly Q: number;
  readonly T: number;
  readonly H: number;
  readonly K: number;
}

/** Kernel parameters and options; `parts` is how many tensors of width H·K a row holds. */
function prepare({ B, Q, T, H, K }: Sizes, parts: number, causal: boolean) {
  const VECTOR = vectorWidth(K);
  const span = Math.max(Q, T);
  const SPAN = Math.max(MIN_SPAN, 2 ** Math.ceil(Math.log2(span))); // few sizes, few pipelines
  // The fewest workgroups, even if the last one's rows are not all there
  const QUADS = [MAX_QUADS, 2, 1].find((n) => n * SPAN <= MAX_TOKENS && n < span / 2);
  const part = (H * K) / VECTOR;
  const start = parts > 1 ? part : 0;
  return {
    params: {
      pairs: B * H,
      heads: H,
      queries: Q,
      keys: T,
      width: K / VECTOR,
      q_row: parts * part,
      kv_row: parts * part,
      k_start: start,
      v_start: 2 * start,
      scale: K ** -0.5,
    },
    options: { VECTOR, QUADS: QUADS ?? 1, SPAN, CAUSAL: causal ? 1 : 0 },
  };
}

function checkTokens(op: string, T: number, operands: Readonly<Record<string, Operand>>): void {
  if (T > MAX_TOKENS)
    throw shapeError(
      op,
      `a sequence must have at most ${MAX_TOKENS} tokens but has ${T}`,
      operands,
    );
}

/**
 * Attention of every head: softmax over the keys of q · k / √K, times the values.
 *
 * @param q        f32[B, Q, H, K]
 * @param k        f32[B, T, H, K]
 * @param v        f32[B, T, H, K]
 * @param options  causal: query i sees only the keys j ≤ i; needs Q = T
 * @returns        f32[B, Q, H, K]
 * @throws         ShapeError unless the shapes agree, Q, T ≤ 512, and Q = T where causal
 * @see            Vaswani et al. 2017, arXiv:1706.03762, eq. 1
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { causal = false }: AttentionOptions = {},
): Tensor {
  const operands = { q: [q, "B Q H K"], k: [k, "B T H K"], v: [v, "B T H K"] } as const;
  const sizes = match("attention", operands);
  const { B, Q, T, H } = sizes;
  checkTokens("attention", Math.max(Q, T), operands);
  if (causal && Q !== T)
    throw shapeError("attention", `Q must be T where causal but they are ${Q}, ${T}`, operands);
  const { params, options } = prepare(sizes, 1, causal);
  const perQuery = [B, Q, H];
  const outputs = { y: q.shape, lse: perQuery };
  const { y, lse } = launch(forward, params, { q, k, v }, outputs, options);
  return withGrad(y, { q, k, v }, (dy) => {
    const rows = { rows: B * Q * H, width: params.width };
    const { delta } = launch(
      attentionDelta,
      rows,
      { dy, y },
      { delta: perQuery },
      { VECTOR: options.VECTOR },
    );
    const given = { q, k, v, dy, lse, delta };
    const { dq } = launch(attentionQueryGrad, params, given, { dq: q.shape }, options);
    const shapes = { dk: k.shape, dv: v.shape };
    const { dk, dv } = launch(attentionKeyGrad, params, given, shapes, options);
    return { q: dq, k: dk, v: dv };
  });
}

/**
 * Attention of a sequence to itself, from queries, keys and values packed in one tensor.
 *
 * @param qkv      f32[B, T, 3, H, K]
 * @param options  causal: token i sees only the tokens j ≤ i
 * @returns        f32[B, T, H, K]
 * @throws         ShapeError unless qkv has that form and T ≤ 512
 * @see            Vaswani et al. 2017, arXiv:1706.03762, eq. 1
 */
export function selfAttention(qkv: Tensor, { causal = false }: AttentionOptions = {}): Tensor {
  const operands = { qkv: [qkv, "B T 3 H K"] } as const;
  const { B, T, H, K } = match("selfAttention", operands);
  checkTokens("selfAttention", T, operands);
  const { params, options } = prepare({ B, Q: T, T, H, K }, 3, causal);
  const perToken = [B, T, H];
  const packed = { q: qkv, k: qkv, v: qkv };
  const outputs = { y: [B, T, H, K], lse: perToken };
  const { y, lse } = launch(forward, params, packed, outputs, options);
  return withGrad(y, { qkv }, (dy) => {
    const rows = { rows: B * T * H, width: params.width };
    const { delta } = launch(
      attentionDelta,
      rows,
      { dy, y },
      { delta: perToken },
      { VECTOR: options.VECTOR },
    );
    const given = { ...packed, dy, lse, delta };
    const choice = { ...options, WHOLE: T <= 4 * options.QUADS ? 1 : 0 };
    const { dqkv } = launch(attentionPackedGrad, params, given, { dqkv: qkv.shape }, choice);
    return { qkv: dqkv };
  });
}
