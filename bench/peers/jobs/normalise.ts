/** Softmax, and layer norm with its gradients. */
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

const softmaxJob: Job = {
  op: "softmax",
  shape: `${SOFTMAX.rows}×${SOFTMAX.cols}`,
  operands: () => normals({ x: [SOFTMAX.rows, SOFTMAX.cols] }),
  own: ({ x }) => ({ outputs: { y: softmax(x!) } }),
  tfjs: (tf, { x }) => ({ y: tf.softmax(x!) }),
  jax: ({ nn }, { x }) => ({ y: nn.softmax(x!, -1) }),
  ort: (operands) => ({
    constants: operands,
    nodes: [{ op: "Softmax", inputs: ["x"], outputs: ["y"], attributes: { axis: -1 } }],
    outputs: { y: { dtype: "f32", rank: 2 } },
  }),
  expected({ x }) {
    const { rows, cols } = SOFTMAX;
    const value = (index: number) => {
      const first = index - (index % cols);
      return Math.exp(x!.data[index]!) / total(cols, (c) => Math.exp(x!.data[first + c]!));
    };
    return [sampled("y", [rows, cols], value)];
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

/** All of the gradients in float64: of the affine part sums over the rows, of x row by row. */
function layernormExpected({ x, gain, bias, dy }: Named<HostArray>): Expected[] {
  const { rows, cols } = LAYERNORM;
  const norms = Array.from({ length: rows }, (_, row) => {
    const at = (c: number) => x!.data[row * cols + c]!;
    const mean = total(cols, at) / cols;
    const rstd = (total(cols, (c) => (at(c) - mean) ** 2) / cols + EPS) ** -0.5;
    return { mean, rstd };
  });
  const unit = (index: number) => {
    const { mean, rstd } = norms[Math.floor(index / cols)]!;
    return (x!.data[index]! - mean) * rstd;
  };
  const g = (index: number) => dy!.data[index]! * gain!.data[index % cols]!;
  const y = (index: number) => unit(index) * gain!.data[index % cols]! + bias!.data[index % cols]!;
  const dx = (index: number) => {
    const first = index - (index % cols);
    const along = total(cols, (c) => g(first + c) * unit(first + c)) / cols;
    const flat = total(cols, (c) => g(first + c)) / cols;
    return norms[first / cols]!.rstd * (g(index) - flat - unit(index) * along);
  };
  const dgain = (c: number) => total(rows, (r) => dy!.data[r * cols + c]! * unit(r * cols + c));
  const dbias = (c: number) => total(rows, (r) => dy!.data[r * cols + c]!);
  return [
    sampled("y", [rows, cols], y),
    sampled("dx", [rows, cols], dx),
    sampled("dgain", [cols], dgain),
    sampled("dbias", [cols], dbias),
  ];
}

const layernormJob: Job = {
  op: "layernorm + gradients",
  shape: `${LAYERNORM.rows}×${LAYERNORM.cols}`,
  operands() {
    const { rows, cols } = LAYERNORM;
    return normals({ x: [rows, cols], gain: [cols], bias: [cols], dy: [rows, cols] });
  },
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
  expected: layernormExpected,
  tolerance: 1e-5,
};

export const normaliseJobs: readonly Job[] = [softmaxJob, layernormJob];
