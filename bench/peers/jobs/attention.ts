/** Attention of many heads, forward and with gradients. */
import { vjp } from "../../../engine/grad.ts";
import type { HostArray, Tensor } from "../../../engine/graph.ts";
import { attention } from "../../../engine/ops/attention.ts";
import type { Jax, JaxArray } from "../engines/jaxTypes.ts";
import { CONTRIBUTED, type OnnxModel, type OnnxNode } from "../engines/onnx.ts";
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

/** A sequence and one of its heads. */
type Head = readonly [b: number, h: number];

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

/** One head of one sequence in float64: its weights and its rows of y, by flat index. */
function headForward({ T, H, K, causal }: Size, operands: Named<HostArray>, [b, h]: Head) {
  const [q, k, v] = ["q", "k", "v"].map((name) => operands[name]!.data);
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
  const result = (name: string, value: (t: number, c: number) => number): Expected => {
    const list = (f: typeof value) =>
      Array.from({ length: T * K }, (_, i) => f(Math.floor(i / K), i % K));
    return { name, at: list(at), values: list(value) };
  };
  const y = result("y", (i, c) => total(T, (j) => weights[i]![j]! * v![at(j, c)]!));
  return { at, dot, weights, result, y };
}

/** As headForward, with the same head's rows of dq, dk and dv. */
function headExpected(size: Size, operands: Named<HostArray>, head: Head): Expected[] {
  const { T, K } = size;
  const { at, dot, weights, result, y } = headForward(size, operands, head);
  const [q, k, v, dy] = ["q", "k", "v", "dy"].map((name) => operands[name]!.data);
  const dweights = weights.map((_, i) => weights.map((_, j) => dot(dy!, i, v!, j)));
  const dscores = weights.map((row, i) => {
    const mean = total(T, (j) => row[j]! * dweights[i]![j]!);
    return row.map((w, j) => (w * (dweights[i]![j]! - mean)) / Math.sqrt(K));
  });
  return [
    y,
    result("dq", (i, c) => total(T, (j) => dscores[i]![j]! * k![at(j, c)]!)),
    result("dk", (j, c) => total(T, (i) => dscores[i]![j]! * q![at(i, c)]!)),
    result("dv", (j, c) => total(T, (i) => weights[i]![j]! * dy![at(i, c)]!)),
  ];
}

/** The first head of the first sequence and the last of the last, which are checked whole. */
const headsOf = ({ B, H }: Size): readonly Head[] => [
  [0, 0],
  [B - 1, H - 1],
];

/** ONNX Runtime's own operation; heads stay side by side in the width that it is given. */
function fusedOnnx({ B, T, H, K, causal }: Size, { q, k, v }: Named<HostArray>): OnnxModel {
  const rows = ({ data }: HostArray) => ({ shape: [B, T, H * K], data });
  const attributes = { num_heads: H, ...(causal && { unidirectional: 1 }) };
  const inputs = ["q", "k", "v"];
  return {
    constants: { q: rows(q!), k: rows(k!), v: rows(v!) },
    nodes: [{ op: "MultiHeadAttention", domain: CONTRIBUTED, inputs, outputs: ["y"], attributes }],
    outputs: { y: { dtype: "f32", rank: 3 } },
  };
}

/** The same by ONNX's operations. */
function onnx({ K }: Size, operands: Named<HostArray>): OnnxModel {
  const turned = (input: string, output: string, perm: readonly number[]): OnnxNode => {
    return { op: "Transpose", inputs: [input], outputs: [output], attributes: { perm } };
  };
  const made = (op: string, inputs: readonly string[], output: string): OnnxNode => {
    return { op, inputs, outputs: [output] };
  };
  const masked = "mask" in operands;
  return {
    constants: { ...operands, scale: { shape: [1], data: Float32Array.of(K ** -0.5) } },
    nodes: [
      turned("q", "queries", HEADS_FIRST),
      turned("k", "keys", [0, 2, 3, 1]),
      turned("v", "values", HEADS_FIRST),
      made("MatMul", ["queries", "keys"], "products"),
      made("Mul", ["products", "scale"], "scores"),
      ...(masked ? [made("Add", ["scores", "mask"], "seen")] : []),
      { ...made("Softmax", [masked ? "seen" : "scores"], "weights"), attributes: { axis: -1 } },
      made("MatMul", ["weights", "values"], "sums"),
      turned("sums", "y", HEADS_FIRST),
    ],
    outputs: { y: { dtype: "f32", rank: 4 } },
  };
}

const shapeText = ({ name, B, T, H, K, causal }: Size) =>
  `${name}: ${[B, T, H, K].join("×")}${causal ? " causal" : ""}`;

/** Operands of these names, and the mask that engines without an op for attention add. */
function operandsOf({ B, T, H, K, causal }: Size, names: readonly string[]): Named<HostArray> {
  const shapes = Object.fromEntries(names.map((name) => [name, [B, T, H, K]]));
  return { ...normals(shapes), ...(causal && { mask: causalMask(T) }) };
}

function forwardJob(size: Size): Job {
  return {
    op: "attention",
    shape: shapeText(size),
    operands: () => operandsOf(size, ["q", "k", "v"]),
    own: ({ q, k, v }) => ({ outputs: { y: attention(q!, k!, v!, { causal: size.causal }) } }),
    tfjs: (tf, { q, k, v, mask }) => ({ y: tfAttention(tf, [q!, k!, v!], mask) }),
    jax: (jax, { q, k, v, mask }) => ({ y: jaxAttention(jax, [q!, k!, v!], mask) }),
    ort: (operands, fused) => (fused ? fusedOnnx : onnx)(size, operands),
    expected: (operands) => headsOf(size).map((head) => headForward(size, operands, head).y),
    tolerance: 5e-6, // as our own case's
  };
}

function gradientJob(size: Size): Job {
  const { causal } = size;
  return {
    op: "attention + gradients",
    shape: shapeText(size),
    operands: () => operandsOf(size, ["q", "k", "v", "dy"]),
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
    expected: (operands) => headsOf(size).flatMap((head) => headExpected(size, operands, head)),
    tolerance: 2e-5, // as our own case's gradients
  };
}

export const attentionJobs: readonly Job[] = [...SIZES.map(forwardJob), ...SIZES.map(gradientJob)];
