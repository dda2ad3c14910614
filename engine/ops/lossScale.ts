import { lossScale as kernel } from "../../kernels/loss_scale/loss_scale.ts";
import { launch, product, type Tensor, view } from "../graph.ts";
import { match } from "../shape.ts";
import { sumsOfSquares } from "./clipFactor.ts";

/** What a loss is multiplied by before its gradients are taken, so that f16 can hold them. */
export interface LossScale<Leaf> {
  /** f32[]: a power of two. */
  readonly scale: Leaf;
  /** u32[]: steps since it last changed. */
  readonly steps: Leaf;
}

/** How gradients of a scaled loss are scaled back. */
export interface LossScaleSettings {
  /** Steps without overflow after which the scale is doubled. */
  readonly interval: number;
  /** What the norm of all gradients, scaled back, is kept within; 0 for anything. */
  readonly limit: number;
}

/**
 * What the gradients of a scaled loss are to be multiplied by: 1 / scale, less where their norm is
 * beyond a limit, and 0 where one of them is not finite, which says to leave the step out. Then the
 * scale is halved; after so many steps without, it is doubled.
 *
 * @param gradients  f32[*S] each, at least one, of scale · loss
 * @param lossScale  state
 * @returns          factor f32[], and the new versions of the state
 * @throws           ShapeError unless there is a gradient, all are f32, and the state is scalars
 * @see              Micikevicius et al. 2018, arXiv:1710.03740, §3.2; torch.amp.GradScaler
 */
export function lossScale(
  gradients: readonly Tensor[],
  { scale, steps }: LossScale<Tensor>,
  { interval, limit }: LossScaleSettings,
): LossScale<Tensor> & { factor: Tensor } {
  match("lossScale", { scale: [scale, ""], steps: [steps, "", "u32"] });
  const parts = sumsOfSquares("lossScale", gradients);
  const params = { count: product(parts.shape), limit, interval };
  const next = launch(kernel, params, { parts, scale, steps }, { factor: [1] });
  return { ...next, factor: view(next.factor, []) };
}
