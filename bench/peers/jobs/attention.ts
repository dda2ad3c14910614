/** Attention of many heads, forward and backward. */
import { vjp } from "../../../engine/grad.ts";
import type { HostArray, Tensor } from "../../../engine/graph.ts";
import { attention } from "../../../engine/ops/attention.ts";
import type { Jax, JaxArray } from "../engines/jaxTypes.ts";
import type { Tf, TfTensor } from "../engines/tfjsTypes.ts";
import type { Expected, Job, Named } from "../job.ts";
import { normals, total } from "./operands.ts";

interface Size {
  readonly name: string;
  readonly B: number;
  readonly T: number;
  readonly H: number;
  readonly K: number;
  readonly causal: boolean;
}

const SIZES: readonly Size[] = [
  { name: "text tower", B: 16, T: 77, H: 8, K: 64, causal: true },
  { name: "ViT-B/32", B: 16, T: 50, H: 8, K: 64, causal: false },
];

const HEADS_FIRST = [0, 2, 1, 3];
const MASKED = -1e9; // exp of it is 0 in f32, whatever is added; −∞ − −∞ would be NaN

/** f32[T, T], added to scores: 0 where row i may see column j. */
export function causalMask(T: number): HostArray {
  const value = (_: unknown, i: number) => (i % T > Math.floor(i / T) ? MASKED : 0);
  return { shape: [T, T], data: Float32Array.from({ length: T * T }, value) };
}

/**
 * Attention in tfjs, which has no op for it.
 *
 * @param q, k, v  [B, T, H, K]
 * @param mask     [T, T], added to the scores
 */
export function tfAttention(tf: Tf, qkv: readonly TfTensor[], mask?: TfTensor): TfTensor {
  const [q, k, v] = qkv.map((x) => tf.transpose(x, HEADS_FIRST)) as [TfTensor, TfTensor, TfTensor];
  const scores = tf.mul(tf.matMul(q, k, false, true), q.shape[3]! ** -0.5);
  const weights = tf.softmax(mask ? tf.add(scores, mask) : scores);
  return tf.transpose(tf.matMul(weights, v), HEADS_FIRST);
}

/** Attention in jax-js; its dotProductAttention is these products, but needs Node 22. */
export function jaxAttention(
  { numpy: np, nn }: Jax,
  qkv: readonly JaxArray[],
  mask?: JaxArray,
): JaxArray {
  const width = qkv[0]!.shape[3]!;
  const [q, k, v] = qkv.map((x) => np.transpose(x, HEADS_FIRST)) as [JaxArray, JaxArray, JaxArray];
  const scores = np.multiply(np.matmul(q, np.transpose(k, [0, 1, 3, 2])), width ** -0.5);
  const weights = nn.softmax(mask ? np.add(scores, mask) : scores, -1);
  return np.transpose(np.matmul(weights, v), HEADS_FIRST);
}

/** One head of one sequence in float64: its rows of y, dq, dk and dv, by flat index. */
function headExpected({ T, H, K, causal }: Size, operands: Named<HostArray>, b: number, h: number) {
  const [q, k, v, dy] = ["q", "k", "v", "dy"].map((name) => operands[name]!.data);
  const at = (t: number, c: number) => ((b * T + t) * H + h) * K + c;
  const dot = (x: HostArray["data"], i: number, y: HostArray["data"], j: number) =>
    total(K, (c) => x[at(i, c)]! * y[at(j, c)]!);
  const weights = Array.from({ length: T }, (_, i) => {
    const seen = causal ? i + 1 : T;
    const exps = Array.from({ length: T }, (_, j) =>
      j < seen ? Math.exp(dot(q!, i, k!, j) / Math.sqrt(K)) : 0,
    );
    const sum = total(T, (j) => exps[j]!);
    return exps.map((e) => e / sum);
  });
  const dweights = weights.map((_, i) => weights.map((_, j) => dot(dy!, i, v!, j)));
  const dscores = weights.map((row, i) => {
    const mean = total(T, (j) => row[j]! * dweights[i]![j]!);
    return row.map((w, j) => (w * (dweights[i]![j]! - mean)) / Math.sqrt(K));
  });
  const values = (value: (t: number, c: number) => number) =>
    Array.from({ length: T * K }, (_, i) => value(Math.floor(i / K), i % K));
  return {
    at: values(at),
    y: values((i, c) => total(T, (j) => weights[i]![j]! * v![at(j, c)]!)),
    dq: values((i, c) => total(T, (j) => dscores[i]![j]! * k![at(j, c)]!)),
    dk: values((j, c) => total(T, (i) => dscores[i]![j]! * q![at(i, c)]!)),
    dv: values((j, c) => total(T, (i) => weights[i]![j]! * dy![at(i, c)]!)),
  };
}

/** The first head of the first sequence and the last of the last, whole. */
function expected(size: Size, operands: Named<HostArray>): Expected[] {
  return [[0, 0] as const, [size.B - 1, size.H - 1] as const].flatMap(([b, h]) => {
    const { at, ...values } = headExpected(size, operands, b, h);
    return Object.entries(values).map(([name, values]) => ({ name, at, values }));
  });
}

function jobOf(size: Size): Job {
  const { name, B, T, H, K, causal } = size;
  const shape = [B, T, H, K];
  return {
    op: "attention + gradients",
    shape: `${name}: ${shape.join("×")}${causal ? " causal" : ""}`,
    operands: () => ({
      ...normals({ q: shape, k: shape, v: shape, dy: shape }),
      ...(causal && { mask: causalMask(T) }),
    }),
    own({ q, k, v, dy }) {
      const y = attention(q!, k!, v!, { causal });
      const [dq, dk, dv] = vjp([[y, dy!]], [q!, k!, v!]) as [Tensor, Tensor, Tensor];
      return { outputs: { y, dq, dk, dv } };
    },
    tfjs(tf, { q, k, v, dy, mask }) {
      const f = (...qkv: TfTensor[]) => tfAttention(tf, qkv, mask);
      const { value, grads } = tf.valueAndGrads(f)([q!, k!, v!], dy!);
      return { y: value, dq: grads[0]!, dk: grads[1]!, dv: grads[2]! };
    },
    jax(jax, { q, k, v, dy, mask }) {
      const f = (...qkv: JaxArray[]) => jaxAttention(jax, qkv, mask?.ref);
      const [y, back] = jax.vjp(f, [q!, k!, v!]);
      const [dq, dk, dv] = back(dy!) as [JaxArray, JaxArray, JaxArray];
      return { y, dq, dk, dv };
    },
    ort: { cannot: "it has no gradients" },
    expected: (operands) => expected(size, operands),
    tolerance: 2e-5, // as our own case's gradients
  };
}

export const attentionJobs: readonly Job[] = SIZES.map(jobOf);
