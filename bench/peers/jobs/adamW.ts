/** AdamW on one large parameter: a step by hand in the engines that have no op for it. */
import { constant } from "../../../engine/graph.ts";
import { adamW } from "../../../engine/ops/adamW.ts";
import { adamWSchedule } from "../../../engine/optim.ts";
import type { Jax, JaxArray } from "../engines/jaxTypes.ts";
import type { Tf, TfTensor } from "../engines/tfjsTypes.ts";
import type { Job } from "../job.ts";
import { normals, sampled } from "./operands.ts";

/** What is the same in every step. */
export interface Settings {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
}

/** A parameter, its moments and its gradient. */
interface Adam<T> {
  readonly parameter: T;
  readonly first: T;
  readonly second: T;
}

/** A step in tfjs; the schedule's numbers are the host's, as its own optimisers' are. */
export function tfAdamW(
  tf: Tf,
  { parameter, first, second }: Adam<TfTensor>,
  gradient: TfTensor,
  schedule: Float32Array,
  { beta1, beta2, eps, weightDecay }: Settings,
): Adam<TfTensor> {
  const [lr, correction1, correction2] = schedule as unknown as [number, number, number];
  const m = tf.add(tf.mul(first, beta1), tf.mul(gradient, 1 - beta1));
  const v = tf.add(tf.mul(second, beta2), tf.mul(tf.square(gradient), 1 - beta2));
  const root = tf.add(tf.sqrt(tf.mul(v, correction2)), eps);
  const update = tf.div(tf.mul(m, lr * correction1), root);
  const kept = weightDecay > 0 ? tf.mul(parameter, 1 - lr * weightDecay) : parameter;
  return { parameter: tf.sub(kept, update), first: m, second: v };
}

/** A step in jax-js; the schedule's numbers are arrays, or every step would be traced anew. */
export function jaxAdamW(
  { numpy: np }: Jax,
  { parameter, first, second }: Adam<JaxArray>,
  gradient: JaxArray,
  schedule: readonly JaxArray[],
  { beta1, beta2, eps, weightDecay }: Settings,
): Adam<JaxArray> {
  const [lr, correction1, correction2] = schedule.map((x) => x.ref) as [
    JaxArray,
    JaxArray,
    JaxArray,
  ];
  const m = np.add(np.multiply(first, beta1), np.multiply(gradient.ref, 1 - beta1));
  const v = np.add(np.multiply(second, beta2), np.multiply(np.square(gradient), 1 - beta2));
  const root = np.add(np.sqrt(np.multiply(v.ref, correction2)), eps);
  const direction = np.trueDivide(np.multiply(m.ref, correction1), root);
  const decay = np.multiply(parameter.ref, weightDecay);
  const update = np.multiply(np.add(direction, decay), lr);
  return { parameter: np.subtract(parameter, update), first: m, second: v };
}

const SETTINGS = { beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.2 }; // openai/CLIP's
const SHAPE = [4096, 1024];
const SCHEDULE = adamWSchedule(1, 1e-3, SETTINGS);
const ELEMENTS_TEXT = "4 194 304 parameters";

export const adamWJob: Job = {
  op: "AdamW",
  shape: ELEMENTS_TEXT,
  operands: () => ({
    ...normals({ parameter: SHAPE, gradient: SHAPE }),
    first: { shape: SHAPE, data: new Float32Array(SHAPE[0]! * SHAPE[1]!) },
    second: { shape: SHAPE, data: new Float32Array(SHAPE[0]! * SHAPE[1]!) },
    schedule: { shape: [3], data: SCHEDULE },
  }),
  own({ parameter, gradient, first, second, schedule }) {
    const { weightDecay } = SETTINGS;
    const moments = { first: first!, second: second! };
    const tensor = { parameter: parameter!, gradient: gradient!, ...moments, weightDecay };
    const next = adamW([tensor], schedule!, constant(Float32Array.of(1), []), SETTINGS)[0]!;
    return { outputs: { ...next }, updates: next };
  },
  tfjs(tf, { parameter, gradient, first, second }) {
    const old = { parameter: parameter!, first: first!, second: second! };
    return { ...tfAdamW(tf, old, gradient!, SCHEDULE, SETTINGS) };
  },
  jax(jax, { parameter, gradient, first, second, schedule }) {
    const old = { parameter: parameter!, first: first!, second: second! };
    return { ...jaxAdamW(jax, old, gradient!, jax.numpy.split(schedule!, 3, 0), SETTINGS) };
  },
  ort: { cannot: "it has no optimisers" },
  expected({ parameter, gradient }) {
    const { beta1, beta2, eps, weightDecay } = SETTINGS;
    const [lr, correction1, correction2] = SCHEDULE as unknown as [number, number, number];
    const g = (i: number) => gradient!.data[i]!;
    const m = (i: number) => (1 - beta1) * g(i);
    const v = (i: number) => (1 - beta2) * g(i) ** 2;
    const next = (i: number) => {
      const direction = (m(i) * correction1) / (Math.sqrt(v(i) * correction2) + eps);
      return parameter!.data[i]! * (1 - lr * weightDecay) - lr * direction;
    };
    return [
      sampled("parameter", SHAPE, next),
      sampled("first", SHAPE, m),
      sampled("second", SHAPE, v),
    ];
  },
  tolerance: 1e-5,
};
