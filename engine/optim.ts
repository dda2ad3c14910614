/** Optimisers over trees of parameters: `init` makes their state, `update` its new version. */
import type { HostArray, Tensor } from "./graph.ts";
import { type AdamWSettings, adamW } from "./ops/adamW.ts";
import { clipFactor } from "./ops/clipFactor.ts";
import { movingAverage } from "./ops/movingAverage.ts";
import { multiply } from "./ops/multiply.ts";
import { type SgdSettings, sgd } from "./ops/sgd.ts";
import { leaves, type Mapped, mapTree, rebuild } from "./tree.ts";

/** AdamW's running means of the gradients and of their squares: trees like the parameters'. */
export interface Moments<T> {
  readonly first: T;
  readonly second: T;
}

/**
 * Moments before the first step: zeros.
 *
 * @param params  a tree of host arrays
 * @returns       two trees of the same form
 */
export function adamWInit<T>(params: T): Moments<Mapped<T, HostArray, HostArray>> {
  const zeros = () =>
    mapTree(params, ({ shape, data }: HostArray) => ({
      shape,
      data: new Float32Array(data.length),
    }));
  return { first: zeros(), second: zeros() };
}

/**
 * The numbers of one step that the device reads, made in double.
 *
 * @param step   number of the step, from 1: the t of the source
 * @param lr     learning rate of this step
 * @param betas  decays of the moments
 * @returns      f32[3]: lr, 1 / (1 − β₁ᵗ), 1 / (1 − β₂ᵗ)
 * @throws       Error unless step is at least 1
 * @see          Kingma & Ba 2015, arXiv:1412.6980, §3, for the bias corrections
 */
export function adamWSchedule(
  step: number,
  lr: number,
  { beta1, beta2 }: Pick<AdamWSettings, "beta1" | "beta2">,
): Float32Array {
  if (!(step >= 1))
    throw new Error(
      `adamWSchedule: step must be at least 1; it is ${step}; count the first step as 1`,
    );
  return Float32Array.of(lr, 1 / (1 - beta1 ** step), 1 / (1 - beta2 ** step));
}

/**
 * One step of AdamW on every parameter of a tree.
 *
 * @param grads     gradients, a tree like params
 * @param moments   two trees like params, held state
 * @param params    a tree of held state
 * @param schedule  f32[3] (`adamWSchedule`)
 * @param settings  the same for all steps; `decays` says which parameters weight decay is for
 * @returns         the new versions, to be carried out as `updates` of a plan
 * @throws          Error when a parameter has no gradient or no moments, by its path
 */
export function adamWUpdate<T>(
  grads: Mapped<T, Tensor, Tensor>,
  moments: Moments<Mapped<T, Tensor, Tensor>>,
  params: T,
  schedule: Tensor,
  settings: AdamWSettings & {
    readonly decays: (path: string, parameter: Tensor) => boolean;
  },
): { params: T; moments: Moments<T> } {
  const trees = [grads, moments.first, moments.second].map((t) => new Map(leaves<Tensor>(t)));
  const next = leaves<Tensor>(params).map(([path, parameter]) => {
    const [gradient, first, second] = trees.map((tree) => tree.get(path));
    if (!gradient || !first || !second)
      throw new Error(
        `adamWUpdate: a parameter must have a gradient and moments; ${path} has not; ` +
          "pass trees of the same form",
      );
    const weightDecay = settings.decays(path, parameter) ? settings.weightDecay : 0;
    const own = { ...settings, weightDecay };
    return [path, adamW(parameter, gradient, { first, second }, schedule, own)] as const;
  });
  const tree = (part: "parameter" | "first" | "second") =>
    rebuild(params, new Map(next.map(([path, made]) => [path, made[part]]))) as T;
  return { params: tree("parameter"), moments: { first: tree("first"), second: tree("second") } };
}

/**
 * How far an exponential moving average moves to the value of a step, so that after t steps the
 * value of step i has weight decayᵗ⁻ⁱ (before they are made to add up to 1), and what the average
 * began with has none.
 *
 * @param step   number of the step, from 1
 * @param decay  in [0, 1)
 * @returns      f32[1]: (1 − decay) / (1 − decayᵗ), made in double
 * @see          Kingma & Ba 2015, arXiv:1412.6980, §3: the same correction of a start
 */
export function averageRate(step: number, decay: number): Float32Array {
  return Float32Array.of((1 - decay) / (1 - decay ** step));
}

/**
 * Move a tree of running averages a part of the way to a tree of values.
 *
 * @param averages  a tree of held state
 * @param values    a tree of the same form
 * @param rate      f32[1] (`averageRate`)
 * @returns         the averages' new versions
 */
export function averageUpdate<T>(averages: T, values: T, rate: Tensor): T {
  const byPath = new Map(leaves<Tensor>(values));
  const found = leaves<Tensor>(averages);
  const pairs = found.map(([path, average]) => ({ average, value: byPath.get(path)! }));
  const updated = movingAverage(pairs, rate);
  const entries = new Map(found.map(([path], i) => [path, updated[i]!]));
  return rebuild<T, Tensor, Tensor>(averages, entries) as T;
}

/**
 * One step of gradient descent with momentum on every parameter of a tree.
 *
 * @param grads     gradients, a tree like params
 * @param momentum  a tree like params, held state
 * @param params    a tree of held state
 * @param schedule  f32[3], of which the first is the learning rate (`adamWSchedule`)
 * @param settings  the same for all steps; `decays` says which parameters weight decay is for
 * @returns         the new versions, to be carried out as `updates` of a plan
 * @throws          Error when a parameter has no gradient or no momentum, by its path
 */
export function sgdUpdate<T>(
  grads: Mapped<T, Tensor, Tensor>,
  momentum: Mapped<T, Tensor, Tensor>,
  params: T,
  schedule: Tensor,
  settings: SgdSettings & { readonly decays: (path: string, parameter: Tensor) => boolean },
): { params: T; momentum: T } {
  const trees = [grads, momentum].map((t) => new Map(leaves<Tensor>(t)));
  const next = leaves<Tensor>(params).map(([path, parameter]) => {
    const [gradient, velocity] = trees.map((tree) => tree.get(path));
    if (!gradient || !velocity)
      throw new Error(
        `sgdUpdate: a parameter must have a gradient and momentum; ${path} has not; ` +
          "pass trees of the same form",
      );
    const weightDecay = settings.decays(path, parameter) ? settings.weightDecay : 0;
    const own = { momentum: settings.momentum, weightDecay };
    return [path, sgd(parameter, gradient, velocity, schedule, own)] as const;
  });
  const tree = (part: "parameter" | "momentum") =>
    rebuild(params, new Map(next.map(([path, made]) => [path, made[part]]))) as T;
  return { params: tree("parameter"), momentum: tree("momentum") };
}

/**
 * Gradients scaled so that their norm, as one vector, is within a limit.
 *
 * @param grads  a tree of gradients
 * @param limit  > 0
 * @returns      the same tree, scaled by one factor where the norm is larger
 * @see          Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, alg. 1
 */
export function clipGradients<T>(grads: T, limit: number): T {
  const factor = clipFactor(
    leaves<Tensor>(grads).map(([, gradient]) => gradient),
    limit,
  );
  return mapTree(grads, (gradient: Tensor) => multiply(gradient, factor)) as T;
}
