import { vectorWidth } from "../../kernels/kernel.ts";
import { sgd as kernel } from "../../kernels/sgd/sgd.ts";
import { launch, product, type Tensor } from "../graph.ts";
import { match } from "../shape.ts";

/** What stays the same from step to step. */
export interface SgdSettings {
  /** Share of the momentum that a step keeps; 0 for plain gradient descent. */
  readonly momentum: number;
  /** Coupled weight decay: added to the gradient, per unit of the parameter. */
  readonly weightDecay: number;
}

/**
 * One step of gradient descent with momentum on one parameter tensor, in place.
 *
 * @param parameter  f32[*S], state
 * @param gradient   f32[*S]
 * @param momentum   f32[*S], state
 * @param schedule   f32[3], of which the first is the learning rate (`adamWSchedule`)
 * @param factor     f32[] that the gradient is multiplied by; where it is 0, nothing changes
 * @param settings   the same for all steps
 * @returns          the new versions of parameter and momentum
 * @throws           ShapeError unless all but schedule and factor have one shape
 * @see              Sutskever, Martens, Dahl & Hinton 2013 (ICML 28), eqs. 1–2; torch.optim.SGD
 */
export function sgd(
  parameter: Tensor,
  gradient: Tensor,
  momentum: Tensor,
  schedule: Tensor,
  factor: Tensor,
  settings: SgdSettings,
): { parameter: Tensor; momentum: Tensor } {
  const { S } = match("sgd", {
    parameter: [parameter, "*S"],
    gradient: [gradient, "*S"],
    momentum: [momentum, "*S"],
    schedule: [schedule, "3"],
    factor: [factor, ""],
  });
  const VECTOR = vectorWidth(product(S));
  const { momentum: keep, weightDecay: decay } = settings;
  const params = { count: product(S) / VECTOR, keep, decay };
  const operands = { parameter, gradient, momentum, schedule, factor };
  return launch(kernel, params, operands, {}, { VECTOR });
}
