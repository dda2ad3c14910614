import { movingAverage as kernel } from "../../kernels/moving_average/moving_average.ts";
import { blank, constant, launch, product, type Tensor } from "../graph.ts";
import { match } from "../shape.ts";

/** A running average and the value that it moves to. */
export interface Averaged {
  /** f32[*S], state */
  readonly average: Tensor;
  /** f32[*S] */
  readonly value: Tensor;
}

/** Tensors in a dispatch. */
const TOGETHER = 3;

/**
 * Move running averages a part of the way to new values, in place: average += rate · (value −
 * average).
 *
 * @param pairs  averages f32[*S] and values of the same shape; shapes differ from pair to pair
 * @param rate   f32[1]
 * @returns      the averages' new versions, in order
 * @throws       ShapeError unless the shapes of a pair agree and rate is [1]
 */
export function movingAverage(pairs: readonly Averaged[], rate: Tensor): Tensor[] {
  for (const { average, value } of pairs)
    match("movingAverage", { average: [average, "*S"], value: [value, "*S"], rate: [rate, "1"] });
  const updated: Tensor[] = [];
  for (let first = 0; first < pairs.length; first += TOGETHER)
    updated.push(...together(pairs.slice(first, first + TOGETHER), rate));
  return updated;
}

/** One dispatch for up to three pairs; those that are missing have no elements. */
function together(pairs: readonly Averaged[], rate: Tensor): Tensor[] {
  const [count0 = 0, count1 = 0, count2 = 0] = pairs.map(({ value }) => product(value.shape));
  const nothing = constant(new Float32Array(1));
  const value = (k: number) => pairs[k]?.value ?? nothing;
  const average = (k: number) => pairs[k]?.average ?? blank("movingAverage.nothing", [1]);
  const made = launch(
    kernel,
    { count0, count1, count2 },
    {
      rate,
      x0: value(0),
      x1: value(1),
      x2: value(2),
      average0: average(0),
      average1: average(1),
      average2: average(2),
    },
    {},
  );
  return [made.average0, made.average1, made.average2].slice(0, pairs.length);
}
