/** Batch norms as the towers see them: what is normalised by, and where that comes from. */
import { batchnorm, batchnormEval, type HostArray, type Tensor } from "../../engine/index.ts";
import { filled, type Norm } from "../init.ts";

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
export type Normalise = (x: Tensor, norm: Norm<Tensor>, epilogue?: Epilogue) => Tensor;

/** Statistics before the first step, of batch norms of these widths. */
export function unitStatistics(widths: readonly number[]): VisionStatistics<HostArray> {
  return widths.map((n) => ({ mean: filled([n], 0), variance: filled([n], 1) }));
}

/** Normalisation by the batch, which updates the running statistics. */
export function batchStatistics(statistics: VisionStatistics<Tensor>): {
  normalise: Normalise;
  /** The new versions, so far. */
  updated: Statistics<Tensor>[];
} {
  const updated: Statistics<Tensor>[] = [];
  return {
    updated,
    normalise(x, { gain, bias }, epilogue = {}) {
      const running = statistics[updated.length]!;
      const { y, mean, variance } = batchnorm(x, gain, bias, running, epilogue);
      updated.push({ mean, variance });
      return y;
    },
  };
}

/** Normalisation by the running statistics. */
export function runningStatistics(statistics: VisionStatistics<Tensor>): Normalise {
  let next = 0;
  return (x, { gain, bias }, epilogue = {}) => {
    const { mean, variance } = statistics[next++]!;
    return batchnormEval(x, gain, bias, mean, variance, epilogue);
  };
}
