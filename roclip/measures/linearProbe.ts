/**
 * Linear probe, the paper's recipe: one linear layer on frozen features, trained on our own engine.
 *
 * @see METHOD: Yang, Gao & Mirzasoleiman 2023, arXiv:2303.06854, §5 (linear probe)
 */
import {
  adamWInit,
  adamWSchedule,
  adamWUpdate,
  add,
  compile,
  type Device,
  fold,
  hold,
  input,
  type Key,
  linear,
  multiply,
  readState,
  release,
  softmax,
  stream,
  type Tensor,
  vjp,
} from "../../engine/index.ts";
import { type Rows, requireClasses, rowCount } from "../measures.ts";
import { type LinearModel, linearModel } from "./linearModel.ts";

/** How the layer is trained; the authors' values, but for the batch, which is ours. */
export const PROBE = {
  lr: 0.005,
  weightDecay: 0.01,
  epochs: 32,
  batch: 128,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
} as const;

/** Settings of `linearProbe`. */
export type ProbeSettings = { readonly [K in keyof typeof PROBE]: number };

/** The plan of one step: inputs x, onehot and weights; the layer is updated in place. */
function stepOf(
  layer: { readonly weight: Tensor; readonly bias: Tensor },
  moments: { readonly first: typeof layer; readonly second: typeof layer },
  settings: ProbeSettings,
) {
  const [E, C] = layer.weight.shape as [number, number];
  const x = input("x", [settings.batch, E]);
  const logits = linear(x, layer.weight, layer.bias);
  // ∂(mean cross-entropy)/∂logits = (softmax − onehot) / B. Rows that pad the last batch have
  // weights and one-hots of 0, the others of 1/B.
  const shares = multiply(softmax(logits), input("weights", [settings.batch, C]));
  const slope = add(shares, input("minusOnehot", [settings.batch, C]));
  const [weight, bias] = vjp([[logits, slope]], [layer.weight, layer.bias]);
  return adamWUpdate({ weight: weight!, bias: bias! }, moments, layer, input("schedule", [3]), {
    ...settings,
    decays: (path) => path === "weight",
  });
}

/** The inputs of a step over the given rows of the features. */
function batchOf(
  features: Rows,
  labels: ArrayLike<number>,
  C: number,
  rows: Uint32Array,
  B: number,
) {
  const { width } = features;
  const x = new Float32Array(B * width);
  const weights = new Float32Array(B * C);
  const minusOnehot = new Float32Array(B * C);
  for (const [i, row] of rows.entries()) {
    x.set(features.data.subarray(row * width, (row + 1) * width), i * width);
    weights.fill(1 / rows.length, i * C, (i + 1) * C);
    minusOnehot[i * C + labels[row]!] = -1 / rows.length;
  }
  return { x, weights, minusOnehot };
}

/**
 * Train a linear layer on frozen, un-normalised features: cross-entropy, AdamW with decay on the
 * weights alone, learning rate falling to 0 along a cosine, a new random order each epoch. Weights
 * start at 0, which for one layer is as good as any start.
 *
 * @param features  f32[N, E] of the training split
 * @param labels    N classes in [0, C)
 * @param C         classes
 * @param key       key of the orders
 * @param settings  the paper's unless said
 * @returns         the layer
 */
export async function linearProbe(
  device: Device,
  features: Rows,
  labels: ArrayLike<number>,
  C: number,
  key: Key,
  settings: ProbeSettings = PROBE,
): Promise<LinearModel> {
  const N = rowCount("linearProbe", features);
  requireClasses("linearProbe", labels, N, C);
  const { width: E } = features;
  const start = {
    weight: { shape: [E, C], data: new Float32Array(E * C) },
    bias: { shape: [C], data: new Float32Array(C) },
  };
  const state = { layer: hold(device, start), moments: hold(device, adamWInit(start)) };
  const updates = stepOf(state.layer, state.moments, settings);
  const plan = await compile(device, { outputs: {}, updates });
  const steps = settings.epochs * Math.ceil(N / settings.batch);
  let step = 0;
  for (let epoch = 0; epoch < settings.epochs; epoch++) {
    const order = stream(fold(key, epoch)).permutation(N);
    for (let first = 0; first < N; first += settings.batch) {
      const rows = order.subarray(first, first + settings.batch);
      const lr = (settings.lr * (1 + Math.cos((Math.PI * step) / steps))) / 2;
      const schedule = adamWSchedule(++step, lr, settings);
      plan.run({ ...batchOf(features, labels, C, rows, settings.batch), schedule });
    }
    await device.until(device.gpu.queue.onSubmittedWorkDone());
  }
  const { weight, bias } = await readState(device, state.layer);
  plan.destroy();
  release(device, state);
  return linearModel(weight.data, bias.data, E, C);
}
