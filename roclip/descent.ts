/** From a loss to the next weights: gradients, their scale, clipping, the optimiser, averages. */
import {
  adamWUpdate,
  averageUpdate,
  clampUpdate,
  clipFactor,
  grad,
  leaves,
  lossScale,
  type Mapped,
  multiply,
  sgdUpdate,
  type Tensor,
} from "../engine/index.ts";
import { type HeldState, MAX_LOGIT_SCALE } from "./model.ts";
import type { Config } from "./schema.ts";

/** The parameters that a step trains: all, or all but the text tower. */
export type Trained = Pick<HeldState["params"], "image" | "logitScale"> &
  Partial<HeldState["params"]>;

/** f32[3] learning rate and bias corrections (engine/optim.ts), of each tower's own count. */
interface Schedules {
  readonly schedule: Tensor;
  readonly textSchedule: Tensor;
}

/** As the authors: matrices and filters decay; norms, biases and the logit scale do not. */
const decays = (_: string, parameter: Tensor) => parameter.shape.length >= 2;

/** Steps without overflow after which the loss scale is doubled; torch.amp.GradScaler. */
const SCALE_INTERVAL = 2000;

/** The gradients of a loss, and what they are to be multiplied by. */
interface Slopes {
  readonly gradients: Mapped<Trained, Tensor, Tensor>;
  /** f32[]; 1 where there is none. */
  readonly factor?: Tensor;
  /** Its new version, where the loss was scaled. */
  readonly lossScale?: NonNullable<HeldState["lossScale"]>;
}

/** Gradients, of a scaled loss where the state has a scale, to be clipped as configured. */
function slopes(
  { clipNorm }: Config,
  { lossScale: scaling }: HeldState,
  loss: Tensor,
  trained: Trained,
): Slopes {
  const gradients = grad(scaling ? multiply(loss, scaling.scale) : loss, trained);
  const all = leaves<Tensor>(gradients).map(([, gradient]) => gradient);
  if (scaling) {
    const settings = { interval: SCALE_INTERVAL, limit: clipNorm };
    const { factor, ...next } = lossScale(all, scaling, settings);
    return { gradients, factor, lossScale: next };
  }
  return { gradients, ...(clipNorm > 0 && { factor: clipFactor(all, clipNorm) }) };
}

/** How one part of the parameters is optimised. */
interface Pace {
  readonly schedule: Tensor;
  readonly factor: Tensor | undefined;
}

/** One step of the configured optimiser on a part of the parameters. */
function optimise<T extends Partial<HeldState["params"]>>(
  config: Config,
  gradients: Mapped<T, Tensor, Tensor>,
  { first, second }: HeldState["moments"],
  params: T,
  { schedule, factor }: Pace,
): { params: T; moments: { first: T; second?: T } } {
  // Updates look tensors up by path, so trees may have more branches than `params`; that these have
  // at least its own is not seen by TypeScript, to which `Mapped` of a generic T is opaque.
  type Own = Mapped<T, Tensor, Tensor>;
  if (second) {
    const moments = { first: first as Own, second: second as Own };
    return adamWUpdate(gradients, moments, params, schedule, { ...config, decays, factor });
  }
  const settings = { ...config, decays, factor };
  const made = sgdUpdate(gradients, first as Own, params, schedule, settings);
  return { params: made.params, moments: { first: made.momentum } };
}

/**
 * Descend a loss: one step of the optimiser on the trained parameters; the others and their moments
 * keep their values. So do all where a gradient of a scaled loss is not finite; such a step counts
 * in the schedules and bias corrections like any other.
 *
 * @param loss     f32[]
 * @param trained  those of the state's parameters that the loss trains
 */
export function descend(
  config: Config,
  state: HeldState,
  { schedule, textSchedule }: Schedules,
  loss: Tensor,
  trained: Trained,
): HeldState {
  const { params, moments } = state;
  const { gradients, factor, ...scaled } = slopes(config, state, loss, trained);
  const { text, ...others } = trained;
  const next = optimise(config, gradients, moments, others, { schedule, factor });
  const ofText = { schedule: textSchedule, factor };
  const nextText = text && optimise(config, { text: gradients.text! }, moments, { text }, ofText);
  const logitScale = clampUpdate(next.params.logitScale, 0, MAX_LOGIT_SCALE);
  const { second } = moments;
  return {
    ...state,
    ...scaled,
    params: { ...params, ...next.params, ...nextText?.params, logitScale },
    moments: {
      first: { ...moments.first, ...next.moments.first, ...nextText?.moments.first },
      ...(second && {
        second: { ...second, ...next.moments.second, ...nextText?.moments.second },
      }),
    },
  };
}

/**
 * Averages, where the state has them, moved to its weights and batch norm statistics.
 *
 * @param rate  f32[1] (engine/optim.ts)
 */
export function averaged(state: HeldState, rate: Tensor): HeldState {
  const { params, statistics, average } = state;
  if (!average) return state;
  return { ...state, average: averageUpdate(average, { params, statistics }, rate) };
}
