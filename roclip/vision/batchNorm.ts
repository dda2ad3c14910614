/** Batch norms as the towers see them: what is normalised by, and where that comes from. */
import {
  batchnorm,
  batchnormAgain,
  batchnormEval,
  cast,
  type HostArray,
  recompute,
  type Tensor,
} from "../../engine/index.ts";
import { filled, type Norm } from "../init.ts";
import type { Config } from "../schema.ts";

/** Running mean and variance of one batch norm. */
export interface Statistics<Leaf> {
  readonly mean: Leaf;
  /** Unbiased, as PyTorch's. */
  readonly variance: Leaf;
}

/** Running statistics of every batch norm of a tower, in the order the tower meets them. */
export type VisionStatistics<Leaf> = readonly Statistics<Leaf>[];

/** What a batch norm is followed by. */
interface Epilogue {
  readonly activation?: "relu";
  readonly residual?: Tensor;
}

/** Normalise with the next of the tower's statistics. */
export interface Normalise {
  (x: Tensor, norm: Norm<Tensor>, epilogue?: Epilogue): Tensor;
  /** What goes on from here, as often as it is called, by the statistics that were found. */
  readonly mark: () => () => Normalise;
}

/** A batch norm, by its place in the tower. */
type NormaliseAt = (at: number, x: Tensor, norm: Norm<Tensor>, epilogue: Epilogue) => Tensor;

/** A walk along the tower's batch norms. */
function walk(normaliseAt: NormaliseAt, again: NormaliseAt, from = 0): Normalise {
  let next = from;
  const normalise = (x: Tensor, norm: Norm<Tensor>, epilogue: Epilogue = {}) =>
    normaliseAt(next++, x, norm, epilogue);
  const mark = () => {
    const here = next;
    return () => walk(again, again, here);
  };
  return Object.assign(normalise, { mark });
}

/** Statistics before the first step, of batch norms of these widths. */
export function unitStatistics(widths: readonly number[]): VisionStatistics<HostArray> {
  return widths.map((n) => ({ mean: filled([n], 0), variance: filled([n], 1) }));
}

/** Computed again from what goes in, of which f16 is kept. */
function fromHalves(normaliseAt: NormaliseAt, again: NormaliseAt): NormaliseAt {
  return (at, x, norm, { residual, ...epilogue }) => {
    const kept = { norm, x: cast(x, "f16"), ...(residual && { residual: cast(residual, "f16") }) };
    return recompute((given, second) => {
      const wide = given.residual && { residual: cast(given.residual, "f32") };
      const own = { ...epilogue, ...wide };
      return (second ? again : normaliseAt)(at, cast(given.x, "f32"), given.norm, own);
    }, kept);
  };
}

/**
 * Normalisation by the batch, which updates the running statistics.
 *
 * @param precision  with "amp" f16 is kept of what is normalised
 */
export function batchStatistics(
  statistics: VisionStatistics<Tensor>,
  precision: Config["precision"],
): {
  normalise: Normalise;
  /** The new versions, so far. */
  updated: Statistics<Tensor>[];
} {
  const updated: Statistics<Tensor>[] = [];
  const found: Tensor[] = [];
  const first: NormaliseAt = (at, x, { gain, bias }, epilogue) => {
    const { y, mean, variance, stats } = batchnorm(x, gain, bias, statistics[at]!, epilogue);
    updated.push({ mean, variance });
    found.push(stats);
    return y;
  };
  const again: NormaliseAt = (at, x, { gain, bias }, epilogue) =>
    batchnormAgain(x, gain, bias, found[at]!, epilogue);
  if (precision === "fp32") return { updated, normalise: walk(first, again) };
  return { updated, normalise: walk(fromHalves(first, again), fromHalves(again, again)) };
}

/** Normalisation by the running statistics. */
export function runningStatistics(statistics: VisionStatistics<Tensor>): Normalise {
  const normaliseAt: NormaliseAt = (at, x, { gain, bias }, epilogue) => {
    const { mean, variance } = statistics[at]!;
    return batchnormEval(x, gain, bias, mean, variance, epilogue);
  };
  return walk(normaliseAt, normaliseAt);
}

/** A part of a tower: its parameters, and what they make of what the part before made. */
interface Block<P> {
  readonly params: P;
  readonly apply: (params: P, x: Tensor, normalise: Normalise) => Tensor;
}

/** A block whose parameters only it knows. */
type Applied = (x: Tensor, normalise: Normalise, again: boolean) => Tensor;

/** A block, by itself or computed again for its gradient. */
export function block<P>({ params, apply }: Block<P>): Applied {
  return (x, normalise, again) =>
    again
      ? recomputeNormed((given, by) => apply(given.params, given.x, by), { params, x }, normalise)
      : apply(params, x, normalise);
}

/**
 * Blocks one after the other.
 *
 * @param recomputed  so many of the first blocks keep only their input for the gradient
 */
export function applyBlocks(
  blocks: readonly Applied[],
  x: Tensor,
  normalise: Normalise,
  recomputed: number,
): Tensor {
  return blocks.reduce((y, apply, i) => apply(y, normalise, i < recomputed), x);
}

/** `recompute` of a part of a tower: again, batch norms go by the statistics found at first. */
export function recomputeNormed<T>(
  part: (inputs: T, normalise: Normalise) => Tensor,
  inputs: T,
  normalise: Normalise,
): Tensor {
  const restart = normalise.mark();
  return recompute((given, again) => part(given, again ? restart() : normalise), inputs);
}
