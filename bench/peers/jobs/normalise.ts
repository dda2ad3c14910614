/** Softmax and layer norm, forward and with their gradients. */
import { vjp } from "../../../engine/grad.ts";
import type { HostArray, Tensor } from "../../../engine/graph.ts";
import { layernorm } from "../../../engine/ops/layernorm.ts";
import { softmax } from "../../../engine/ops/softmax.ts";
import type { Jax, JaxArray } from "../engines/jaxTypes.ts";
import type { Tf, TfTensor } from "../engines/tfjsTypes.ts";
import type { Expected, Job, Named } from "../job.ts";
import { normals, sampled, total } from "./operands.ts";

const EPS = 1e-5; // of our layer norm and of torch's

const SOFTMAX = { rows: 4096, cols: 1024 };

const SOFTMAX_SHAPE = [SOFTMAX.rows, SOFTMAX.cols];

/** y in float64, and its gradient, both by flat index; a row's sums are made once. */
function softmaxReference(x: HostArray["data"], dy: HostArray["data"]) {
  const { cols } = SOFTMAX;
  const sums = new Map<number, { ofExps: number; along: number }>();
  const sumsOf = (first: number) => {
    const exp = (c: number) => Math.exp(x[first + c]!);
    const ofExps = total(cols, exp);
    return { ofExps, along: total(cols, (c) => exp(c) * dy[first + c]!) / ofExps };
  };
  const row = (index: number) => {
    const first = index - (index % cols);
    const found = sums.get(first) ?? sumsOf(first);
    sums.set(first, found);
    return found;
  };
  const y = (index: number) => Math.exp(x[index]!) / row(index).ofExps;
  const dx = (index: number) => y(index) * (dy[index]! - row(index).along);
  return { y, dx };
}

const softmaxJob: Job = {
  op: "softmax",
  shape: SOFTMAX_SHAPE.join("×"),
  operands: () => normals({ x: SOFTMAX_SHAPE }),
  own: ({ x }) => ({ outputs: { y: softmax(x!) } }),
  tfjs: (tf, { x }) => ({ y: tf.softmax(x!) }),
  jax: ({ nn }, { x }) => ({ y: nn.softmax(x!, -1) }),
  ort: (operands) => ({
    constants: operands,
    nodes: [{ op: "Softmax", inputs: ["x"], outputs: ["y"], attributes: { axis: -1 } }],
    outputs: { y: { dtype: "f32", rank: 2 } },
  }),
  expected: ({ x }) => [sampled("y", SOFTMAX_SHAPE, softmaxReference(x!.data, x!.data).y)],
  tolerance: 1e-5,
};

const softmaxGradientJob: Job = {
  op: "softmax + gradients",
  shape: softmaxJob.shape,
  operands: () => normals({ x: SOFTMAX_SHAPE, dy: SOFTMAX_SHAPE }),
  own({ x, dy }) {
    const y = softmax(x!);
    const [dx] = vjp([[y, dy!]], [x!]) as [Tensor];
    return { outputs: { y, dx } };
  },
  tfjs(tf, { x, dy }) {
    const { value, grads } = tf.valueAndGrads((x) => tf.softmax(x!))([x!], dy!);
    return { y: value, dx: grads[0]! };
  },
  jax(jax, { x, dy }) {
    const [y, back] = jax.vjp((x) => jax.nn.softmax(x!, -1), [x!]);
    return { y, dx: back(dy!)[0]! };
  },
  ort: { cannot: "it has no gradients" },
  expected({ x, dy }) {
    const { y, dx } = softmaxReference(x!.data, dy!.data);
    return [sampled("y", SOFTMAX_SHAPE, y), sampled("dx", SOFTMAX_SHAPE, dx)];
  },
  tolerance: 1e-5,
};

/** Layer norm in tfjs, which has no op for it. */
export function tfLayernorm(tf: Tf, x: TfTensor, gain: TfTensor, bias: TfTensor): TfTensor {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const rstd = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), EPS));
  return tf.add(tf.mul(tf.mul(centred, rstd), gain), bias);
}

/** Layer norm in jax-js, which fuses it. */
export function jaxLayernorm(
  { numpy: np }: Jax,
  x: JaxArray,
  gain: JaxArray,
  bias: JaxArray,
): JaxArray {
  const last = { keepdims: true };
  const centred = np.subtract(x.ref, np.mean(x, -1, last));
  const variance = np.mean(np.square(centred.ref), -1, last);
  const unit = np.trueDivide(centred, np.sqrt(np.add(variance, EPS)));
  return np.add(np.multiply(unit, gain), bias);
}

const LAYERNORM = { rows: 2048, cols: 512 };

const LAYERNORM_SHAPE = [LAYERNORM.rows, LAYERNORM.cols];
const AFFINE_SHAPES = { gain: [LAYERNORM.cols], bias: [LAYERNORM.cols] };

/** Every row of x in float64 with mean 0 and variance 1, and what it was divided by. */
function unitRowsOf({ data }: HostArray) {
  const { rows, cols } = LAYERNORM;
  const norms = Array.from({ length: rows }, (_, row) => {
    const at = (c: number) => data[row * cols + c]!;
    const mean = total(cols, at) / cols;
    const rstd = (total(cols, (c) => (at(c) - mean) ** 2) / cols + EPS) ** -0.5;
    return { mean, rstd };
  });
  const unit = (index: number) => {
    const { mean, rstd } = norms[Math.floor(index / cols)]!;
    return (data[index]! - mean) * rstd;
  };
  return { norms, unit };
}
type Unit = ReturnType<typeof unitRowsOf>;

function layernormExpected({ unit }: Unit, { gain, bias }: Named<HostArray>): Expected {
  const { cols } = LAYERNORM;
  const y = (index: number) => unit(index) * gain!.data[index % cols]! + bias!.data[index % cols]!;
  return sampled("y", LAYERNORM_SHAPE, y);
}

/** Gradients in float64: of the affine part sums over the rows, of x row by row. */
function gradientsExpected({ norms, unit }: Unit, { gain, dy }: Named<HostArray>): Expected[] {
  const { rows, cols } = LAYERNORM;
  const g = (index: number) => dy!.data[index]! * gain!.data[index % cols]!;
  const dx = (index: number) => {
    const first = index - (index % cols);
    const along = total(cols, (c) => g(first + c) * unit(first + c)) / cols;
    const flat = total(cols, (c) => g(first + c)) / cols;
    return norms[first / cols]!.rstd * (g(index) - flat - unit(index) * along);
  };
  const dgain = (c: number) => total(rows, (r) => dy!.data[r * cols + c]! * unit(r * cols + c));
  const dbias = (c: number) => total(rows, (r) => dy!.data[r * cols + c]!);
  return [
    sampled("dx", LAYERNORM_SHAPE, dx),
    sampled("dgain", [cols], dgain),
    sampled("dbias", [cols], dbias),
  ];
}

const layernormJob: Job = {
  op: "layernorm",
  shape: LAYERNORM_SHAPE.join("×"),
  operands: () => normals({ x: LAYERNORM_SHAPE, ...AFFINE_SHAPES }),
  own: ({ x, gain, bias }) => ({ outputs: { y: layernorm(x!, gain!, bias!) } }),
  tfjs: (tf, { x, gain, bias }) => ({ y: tfLayernorm(tf, x!, gain!, bias!) }),
  jax: (jax, { x, gain, bias }) => ({ y: jaxLayernorm(jax, x!, gain!, bias!) }),
  ort: (operands) => ({
    constants: operands,
    // Along the last axis and with EPS: both are its defaults.
    nodes: [{ op: "LayerNormalization", inputs: ["x", "gain", "bias"], outputs: ["y"] }],
    outputs: { y: { dtype: "f32", rank: 2 } },
  }),
  expected: (operands) => [layernormExpected(unitRowsOf(operands.x!), operands)],
  tolerance: 1e-5,
};

const layernormGradientJob: Job = {
  op: "layernorm + gradients",
  shape: layernormJob.shape,
  operands: () => normals({ x: LAYERNORM_SHAPE, ...AFFINE_SHAPES, dy: LAYERNORM_SHAPE }),
  own({ x, gain, bias, dy }) {
    const y = layernorm(x!, gain!, bias!);
    const gradients = vjp([[y, dy!]], [x!, gain!, bias!]) as [Tensor, Tensor, Tensor];
    const [dx, dgain, dbias] = gradients;
    return { outputs: { y, dx, dgain, dbias } };
  },
  tfjs(tf, { x, gain, bias, dy }) {
    const f = (...[x, gain, bias]: TfTensor[]) => tfLayernorm(tf, x!, gain!, bias!);
    const { value, grads } = tf.valueAndGrads(f)([x!, gain!, bias!], dy!);
    return { y: value, dx: grads[0]!, dgain: grads[1]!, dbias: grads[2]! };
  },
  jax(jax, { x, gain, bias, dy }) {
    const f = (...[x, gain, bias]: JaxArray[]) => jaxLayernorm(jax, x!, gain!, bias!);
    const [y, back] = jax.vjp(f, [x!, gain!, bias!]);
    const [dx, dgain, dbias] = back(dy!) as [JaxArray, JaxArray, JaxArray];
    return { y, dx, dgain, dbias };
  },
  ort: { cannot: "it has no gradients" },
  expected(operands) {
    const unit = unitRowsOf(operands.x!);
    return [layernormExpected(unit, operands), ...gradientsExpected(unit, operands)];
  },
  tolerance: 1e-5,
};

export const normaliseJobs: readonly Job[] = [
  softmaxJob,
  softmaxGradientJob,
  layernormJob,
  layernormGradientJob,
];
