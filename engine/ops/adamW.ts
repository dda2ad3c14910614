import { adamw as kernel } from "../../kernels/adamw/adamw.ts";
import { vectorWidth } from "../../kernels/kernel.ts";
import { launch, product, type Tensor } from "../graph.ts";
import { match } from "../shape.ts";

/** What stays the same from step to step. */
export interface AdamWSettings {
  /** Decay of the first moment. */
  readonly beta1: number;
  /** Decay of the second moment. */
  readonly beta2: number;
  /** Added to the root of the second moment, in units of the gradient. */
  readonly eps: number;
  /** Decoupled weight decay per unit of learning rate. */
  readonly weightDecay: number;
}

/**
 * One step of AdamW on one parameter tensor, in place.
 *
 * @param parameter  f32[*S], state
 * @param gradient   f32[*S]
 * @param moments    first and second f32[*S], state
 * @param schedule   f32[3]: lr, 1 / (1 − β₁ᵗ), 1 / (1 − β₂ᵗ) (`adamWSchedule`)
 * @param factor     f32[] that the gradient is multiplied by; where it is 0, nothing changes
 * @param settings   the same for all steps
 * @returns          the new versions of parameter, first and second
 * @throws           ShapeError unless all but schedule and factor have one shape
 * @see              Loshchilov & Hutter 2019, arXiv:1711.05101, alg. 2; torch.optim.AdamW
 */
export function adamW(
  parameter: Tensor,
  gradient: Tensor,
  moments: { readonly first: Tensor; readonly second: Tensor },
  schedule: Tensor,
  factor: Tensor,
  settings: AdamWSettings,
): { parameter: Tensor; first: Tensor; second: Tensor } {
  const { first, second } = moments;
  const { S } = match("adamW", {
    parameter: [parameter, "*S"],
    gradient: [gradient, "*S"],
    first: [first, "*S"],
    second: [second, "*S"],
    schedule: [schedule, "3"],
    factor: [factor, ""],
  });
  const VECTOR = vectorWidth(product(S));
  const params = {
    count: product(S) / VECTOR,
    one_minus_beta1: 1 - settings.beta1,
    beta2: settings.beta2,
    one_minus_beta2: 1 - settings.beta2,
    eps: settings.eps,
    decay: settings.weightDecay,
  };
  const operands = { parameter, gradient, first, second, schedule, factor };
  return launch(kernel, params, operands, {}, { VECTOR });
}
