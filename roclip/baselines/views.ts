/**
 * Views of a pair: an image and a caption, each as it is or augmented. A step that contrasts two
 * views of its pairs encodes them as one batch of 2 B rows, the first views before the second, so
 * that batch norms see both, as in the authors' code of both baselines.
 */
import { constant, gatherRows, reshape, type Tensor } from "../../engine/index.ts";
import type { StepKind } from "../schedule.ts";

/** What a view shows. */
export type View = "original" | "augmented";

/** The views of each pair that a kind of step encodes. */
export const VIEWS: Readonly<Record<StepKind, readonly View[]>> = {
  plain: ["augmented"],
  matching: ["augmented"],
  unimodal: ["augmented", "augmented"],
  clean: ["original", "augmented"],
};

/**
 * The two views apart.
 *
 * @param x  f32[2 B, E], as the towers encoded them
 * @returns  f32[B, E] the first views; f32[B, E] the second
 */
export function splitViews(x: Tensor): readonly [Tensor, Tensor] {
  const [rows, width] = x.shape as [number, number];
  const halves = reshape(x, [2, (rows / 2) * width]);
  const half = (i: number) =>
    reshape(gatherRows(halves, constant(Uint32Array.of(i))), [rows / 2, width]);
  return [half(0), half(1)];
}
