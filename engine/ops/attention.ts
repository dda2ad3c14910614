import {
  attentionDelta,
  attentionGrad,
  attention as forward,
} from "../../kernels/attention/attention.ts";
import { vectorWidth } from "../../kernels/kernel.ts";
import { blank, launch, type Tensor, withGrad } from "../graph.ts";
import { match, type Operand, shapeError } from "../shape.ts";
import { type Kept, keptAs } from "./cast.ts";

/** The longest sequence that is meant; the kernels have no limit. */
export const MAX_TOKENS = 512;

/** Choices of `attention`. */
export interface AttentionOptions {
  /** Query i sees only the keys j ≤ i. */
  readonly causal?: boolean;
  /** What is kept of queries, keys, values and results for the gradient; f32 when left out. */
  readonly kept?: Kept;
}

interface Sizes {
  readonly B: number;
  readonly Q: number;
  readonly T: number;
  readonly H: number;
  readonly K: number;
}

/** A row of all heads for every token: one part of those that a packed tensor has. */
interface Rows {
  readonly x: Tensor;
  readonly part?: number;
  readonly parts?: number;
}

/** What all launches need to know, where rows lie included. */
function prepare({ B, H, K }: Sizes, causal: boolean) {
  const VECTOR = vectorWidth(K);
  const WIDTH = K / VECTOR;
  return {
    params: { pairs: B * H, heads: H, scale: K ** -0.5 },
    options: { VECTOR, WIDTH, CAUSAL: causal ? 1 : 0 },
    stepOf: ({ parts = 1 }: Rows) => parts * H * WIDTH,
    startOf: ({ part = 0 }: Rows) => part * H * WIDTH,
  };
}

type Prepared = ReturnType<typeof prepare>;
type Three<X> = Readonly<Record<"q" | "k" | "v", X>>;

function attend({ q, k, v }: Three<Rows>, { B, Q, T, H, K }: Sizes, prepared: Prepared) {
  const { params, options, stepOf, startOf } = prepared;
  const steps = { q_step: stepOf(q), kv_step: stepOf(k) };
  const starts = { k_start: startOf(k), v_start: startOf(v) };
  return launch(
    forward,
    { ...params, queries: Q, keys: T, ...steps, ...starts },
    { q: q.x, k: k.x, v: v.x },
    { y: [B, Q, H, K], lse: [B, Q, H] },
    options,
  );
}

/** Functions that fill the rows of dq, dk and dv into a tensor laid out like q, k or v. */
function gradients(
  { q, k, v }: Three<Rows>,
  { B, Q, T, H }: Sizes,
  { params, options, stepOf, startOf }: Prepared,
  { y, lse, dy }: Readonly<Record<"y" | "lse" | "dy", Tensor>>,
): Three<(into: Tensor) => Tensor> {
  const { VECTOR, WIDTH } = options;
  const size = { rows: B * Q * H, width: WIDTH };
  const { delta } = launch(attentionDelta, size, { dy, y }, { delta: lse.shape }, { VECTOR });
  const fill = (PART: number, own: Rows, mate: Rows, others: Rows, otherMate: Rows) => {
    const layout = {
      ...{ own_step: stepOf(own), own_start: startOf(own) },
      ...{ mate_step: stepOf(mate), mate_start: startOf(mate) },
      ...{ other_step: stepOf(others), other_start: startOf(others) },
      ...{ other_mate_step: stepOf(otherMate), other_mate_start: startOf(otherMate) },
    };
    const counts = PART === 0 ? { rows: Q, others: T } : { rows: T, others: Q };
    const given = { own: own.x, mate: mate.x, others: others.x, other_mate: otherMate.x };
    return (d: Tensor) => {
      const inputs = { ...given, lse, delta, d };
      return launch(
        attentionGrad,
        { ...params, ...counts, ...layout },
        inputs,
        {},
        { ...options, PART },
      ).d;
    };
  };
  const slopes = { x: dy };
  return {
    q: fill(0, q, slopes, k, v),
    k: fill(1, k, v, q, slopes),
    v: fill(2, k, v, q, slopes),
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
 * @param options  causal: query i sees only the keys j ≤ i; needs Q = T; kept: with f16 the
 *                 gradient is that of q, k, v and y rounded to f16
 * @returns        f32[B, Q, H, K]
 * @throws         ShapeError unless the shapes agree, Q, T ≤ 512, and Q = T where causal
 * @see            Vaswani et al. 2017, arXiv:1706.03762, eq. 1
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { causal = false, kept = "f32" }: AttentionOptions = {},
): Tensor {
  const operands = { q: [q, "B Q H K"], k: [k, "B T H K"], v: [v, "B T H K"] } as const;
  const sizes = match("attention", operands);
  const { Q, T } = sizes;
  checkTokens("attention", Math.max(Q, T), operands);
  if (causal && Q !== T)
    throw shapeError("attention", `Q must be T where causal but they are ${Q}, ${T}`, operands);
  const prepared = prepare(sizes, causal);
  const { y, lse } = attend({ q: { x: q }, k: { x: k }, v: { x: v } }, sizes, prepared);
  const later = { q: keptAs(q, kept), k: keptAs(k, kept), v: keptAs(v, kept), y: keptAs(y, kept) };
  return withGrad(y, { q, k, v }, (dy) => {
    const rows = { q: { x: later.q() }, k: { x: later.k() }, v: { x: later.v() } };
    const fill = gradients(rows, sizes, prepared, { y: later.y(), lse, dy });
    return {
      q: fill.q(blank("attention.dq", q.shape)),
      k: fill.k(blank("attention.dk", k.shape)),
      v: fill.v(blank("attention.dv", v.shape)),
    };
  });
}

/**
 * Attention of a sequence to itself, from queries, keys and values packed in one tensor.
 *
 * @param qkv      f32[B, T, 3, H, K]
 * @param options  causal: token i sees only the tokens j ≤ i; kept: with f16 the gradient is that
 *                 of qkv and y rounded to f16
 * @returns        f32[B, T, H, K]
 * @throws         ShapeError unless qkv has that form and T ≤ 512
 * @see            Vaswani et al. 2017, arXiv:1706.03762, eq. 1
 */
export function selfAttention(
  qkv: Tensor,
  { causal = false, kept = "f32" }: AttentionOptions = {},
): Tensor {
  const operands = { qkv: [qkv, "B T 3 H K"] } as const;
  const { B, T, H, K } = match("selfAttention", operands);
  checkTokens("selfAttention", T, operands);
  const sizes = { B, Q: T, T, H, K };
  const rowsOf = (x: Tensor): Three<Rows> => {
    const part = (part: number) => ({ x, part, parts: 3 });
    return { q: part(0), k: part(1), v: part(2) };
  };
  const prepared = prepare(sizes, causal);
  const { y, lse } = attend(rowsOf(qkv), sizes, prepared);
  const later = { qkv: keptAs(qkv, kept), y: keptAs(y, kept) };
  return withGrad(y, { qkv }, (dy) => {
    const fill = gradients(rowsOf(later.qkv()), sizes, prepared, { y: later.y(), lse, dy });
    return { qkv: fill.v(fill.k(fill.q(blank("selfAttention.dqkv", qkv.shape)))) };
  });
}
