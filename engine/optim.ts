/** Optimisers over trees of parameters: `init` makes their state, `update` its new version. */
import { constant, type HostArray, type Tensor } from "./graph.ts";
import { type AdamWSettings, type Adapting, adamW } from "./ops/adamW.ts";
import type { LossScale } from "./ops/lossScale.ts";
import { movingAverage } from "./ops/movingAverage.ts";
import { type SgdSettings, sgd } from "./ops/sgd.ts";
import { leaves, type Mapped, mapTree, rebuild } from "./tree.ts";

/** What an update needs besides the settings of its optimiser. */
interface Choices {
  /** Which parameters weight decay is for. */
  readonly decays: (path: string, parameter: Tensor) => boolean;
  /** f32[] that gradients are multiplied by, 0 to change nothing (`clipFactor`, `lossScale`); 1. */
  readonly factor?: Tensor | undefined;
}

const ONE = constant(Float32Array.of(1), []);

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
 * @param settings  the same for all steps, but for `factor`
 * @returns         the new versions, to be carried out as `updates` of a plan
 * @throws          Error when a parameter has no gradient or no moments, by its path
 */
export function adamWUpdate<T>(
  grads: Mapped<T, Tensor, Tensor>,
  moments: Moments<Mapped<T, Tensor, Tensor>>,
  params: T,
  schedule: Tensor,
  settings: AdamWSettings & Choices & Pick<Adapting, "weightDecay">,
): { params: T; moments: Moments<T> } {
  const { decays, factor = ONE, weightDecay } = settings;
  const next = eachParameter("adamWUpdate", "moments", params, {
    trees: { gradient: grads, first: moments.first, second: moments.second },
    update: (found) => {
      const tensors = found.map(({ path, ...own }) => ({
        ...own,
        weightDecay: decays(path, own.parameter) ? weightDecay : 0,
      }));
      return adamW(tensors, schedule, factor, settings);
    },
  });
  return { params: next("parameter"), moments: { first: next("first"), second: next("second") } };
}

/** A parameter, by its path, with what belongs to it in other trees. */
type Found<Name extends string> = { readonly path: string; readonly parameter: Tensor } & Readonly<
  Record<Name, Tensor>
>;

/** Trees like the parameters', by what an update calls them, and the update of all parameters. */
interface Updates<T, Name extends string, Part extends string> {
  readonly trees: Readonly<Record<Name, Mapped<T, Tensor, Tensor>>>;
  readonly update: (found: readonly Found<Name>[]) => readonly Readonly<Record<Part, Tensor>>[];
}

/**
 * Update every parameter of a tree.
 *
 * @param where   the optimiser, for errors
 * @param memory  what it keeps of each parameter, for errors
 * @returns       the tree of one part of what the updates made, by its name
 * @throws        Error when a parameter is missing in one of the trees, by its path
 */
function eachParameter<T, Name extends string, Part extends string>(
  where: string,
  memory: string,
  params: T,
  { trees, update }: Updates<T, Name, Part>,
): (part: Part) => T {
  const byPath = Object.entries<Mapped<T, Tensor, Tensor>>(trees).map(
    ([name, tree]) => [name, new Map(leaves<Tensor>(tree))] as const,
  );
  const found = leaves<Tensor>(params).map(([path, parameter]) => {
    const own = byPath.map(([name, tree]) => [name, tree.get(path)] as const);
    if (own.some(([, tensor]) => !tensor))
      throw new Error(
        `${where}: a parameter must have a gradient and ${memory}; ${path} has not; ` +
          "pass trees of the same form",
      );
    return { path, parameter, ...Object.fromEntries(own) } as Found<Name>;
  });
  const made = update(found);
  return (part) => {
    const entries = found.map(({ path }, i) => [path, made[i]![part]] as const);
    return rebuild(params, new Map(entries)) as T;
  };
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
 * @param settings  the same for all steps, but for `factor`
 * @returns         the new versions, to be carried out as `updates` of a plan
 * @throws          Error when a parameter has no gradient or no momentum, by its path
 */
export function sgdUpdate<T>(
  grads: Mapped<T, Tensor, Tensor>,
  momentum: Mapped<T, Tensor, Tensor>,
  params: T,
  schedule: Tensor,
  settings: SgdSettings & Choices,
): { params: T; momentum: T } {
  const { decays, factor = ONE, momentum: keep } = settings;
  const next = eachParameter("sgdUpdate", "momentum", params, {
    trees: { gradient: grads, velocity: momentum },
    update: (found) =>
      found.map(({ path, parameter, gradient, velocity }) => {
        const weightDecay = decays(path, parameter) ? settings.weightDecay : 0;
        const own = { momentum: keep, weightDecay };
        return sgd(parameter, gradient, velocity, schedule, factor, own);
      }),
  });
  return { params: next("parameter"), momentum: next("momentum") };
}

/** What losses are multiplied by at first; torch.amp.GradScaler. */
const FIRST_LOSS_SCALE = 2 ** 16;

/** A loss scale before the first step (`lossScale`). */
export function lossScaleInit(): LossScale<HostArray> {
  return {
    scale: { shape: [], dtype: "f32", data: Float32Array.of(FIRST_LOSS_SCALE) },
    steps: { shape: [], data: new Uint32Array(1) },
  };
}
