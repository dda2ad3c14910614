import {
  batchnormGrad,
  batchnormGradSums,
  batchnormMaskSums,
  batchnormMerge,
  batchnormMoments,
  batchnormStats,
  batchnorm as forward,
} from "../../kernels/batchnorm/batchnorm.ts";
import { vectorWidth } from "../../kernels/kernel.ts";
import { sumRows as sumKernel } from "../../kernels/sum_rows/sum_rows.ts";
import { launch, product, type Tensor, view, withGrad } from "../graph.ts";
import { match, type Operand, shapeError } from "../shape.ts";

/** What follows a batch norm, in the same pass over memory. */
export interface BatchnormEpilogue {
  /** Added to the variance, in units of x²; 1e-5 when left out. */
  readonly eps?: number;
  /** Applied last. */
  readonly activation?: "relu";
  /** f32[*B, C], added before the activation. */
  readonly residual?: Tensor;
}

const DEFAULT_EPS = 1e-5; // torch.nn.BatchNorm2d's

type Vectors = { x: Tensor; gain: Tensor; bias: Tensor; mean: Tensor; variance: Tensor };

const operandsOf = ({ x, gain, bias, mean, variance }: Vectors, residual?: Tensor) =>
  ({
    x: [x, "*B C"],
    gain: [gain, "C"],
    bias: [bias, "C"],
    mean: [mean, "C"],
    variance: [variance, "C"],
    residual: [residual, "*B C"],
  }) as const satisfies Record<string, Operand>;

/**
 * Normalise each channel by the mean and variance of this batch, scale and shift; in training.
 *
 * The running statistics are updated in place: (1 − momentum) · old + momentum · new, the new
 * variance unbiased.
 *
 * @param x         f32[*B, C]
 * @param gain      f32[C]
 * @param bias      f32[C]
 * @param running   mean and variance f32[C], state
 * @param options   momentum (0.1), eps (1e-5), activation and residual f32[*B, C]:
 *                  y = activation(norm(x) + residual)
 * @returns         y f32[*B, C]; mean and variance f32[C], the new running statistics; stats
 *                  f32[2, C], the batch's mean and 1 / √(variance + eps)
 * @throws          ShapeError unless the vectors are [C] and there are at least two rows
 * @see             Ioffe & Szegedy 2015, arXiv:1502.03167, alg. 1; torch.nn.BatchNorm2d
 */
export function batchnorm(
  x: Tensor,
  gain: Tensor,
  bias: Tensor,
  running: { readonly mean: Tensor; readonly variance: Tensor },
  options: BatchnormEpilogue & { readonly momentum?: number } = {},
): { y: Tensor; mean: Tensor; variance: Tensor; stats: Tensor } {
  const operands = operandsOf({ x, gain, bias, ...running }, options.residual);
  const { B, C } = match("batchnorm", operands);
  const rows = product(B);
  if (rows < 2) throw shapeError("batchnorm", "*B must hold at least two rows", operands);
  const { momentum = 0.1, eps = DEFAULT_EPS } = options; // torch's defaults
  const VECTOR = vectorWidth(C);
  const span = spanOf(rows);
  const parts = [Math.ceil(rows / span), C];
  const size = { rows, cols: C / VECTOR, span };
  const outputs = { mean: parts, squares: parts };
  const moments = launch(batchnormMoments, size, { x }, outputs, { VECTOR });
  const { stats, running_mean, running_variance } = launch(
    batchnormMerge,
    { rows, cols: C, span, eps, momentum },
    { ...moments, running_mean: running.mean, running_variance: running.variance },
    { stats: [2, C] },
  );
  const y = normalise(x, gain, bias, stats, options, 1);
  return { y, mean: running_mean, variance: running_variance, stats };
}

/**
 * What `batchnorm` made of the same batch, made again by the statistics that it found: the same
 * value and the same gradients, without the pass that finds them, and no update of running ones.
 *
 * @param x        f32[*B, C]
 * @param gain     f32[C]
 * @param bias     f32[C]
 * @param stats    f32[2, C], of batchnorm of the same x
 * @param options  activation and residual f32[*B, C] as for batchnorm
 * @returns        f32[*B, C]
 * @throws         ShapeError unless the vectors are [C] and stats [2, C]
 */
export function batchnormAgain(
  x: Tensor,
  gain: Tensor,
  bias: Tensor,
  stats: Tensor,
  options: Omit<BatchnormEpilogue, "eps"> = {},
): Tensor {
  match("batchnormAgain", {
    x: [x, "*B C"],
    gain: [gain, "C"],
    bias: [bias, "C"],
    stats: [stats, "2 C"],
    residual: [options.residual, "*B C"],
  });
  return normalise(x, gain, bias, stats, options, 1);
}

/**
 * Normalise each channel by given statistics, scale and shift; in evaluation.
 *
 * No gradient flows to the statistics.
 *
 * @param x         f32[*B, C]
 * @param gain      f32[C]
 * @param bias      f32[C]
 * @param mean      f32[C]
 * @param variance  f32[C]
 * @param options   eps (1e-5), activation and residual f32[*B, C] as for batchnorm
 * @returns         f32[*B, C]
 * @throws          ShapeError unless the vectors are [C]
 */
export function batchnormEval(
  x: Tensor,
  gain: Tensor,
  bias: Tensor,
  mean: Tensor,
  variance: Tensor,
  options: BatchnormEpilogue = {},
): Tensor {
  const operands = operandsOf({ x, gain, bias, mean, variance }, options.residual);
  const { C } = match("batchnormEval", operands);
  const { eps = DEFAULT_EPS } = options;
  const { stats } = launch(batchnormStats, { cols: C, eps }, { mean, variance }, { stats: [2, C] });
  return normalise(x, gain, bias, stats, options, 0);
}

/** Rows per part: as many as there are parts, which makes the two ordered passes equally long. */
const spanOf = (rows: number) => Math.ceil(Math.sqrt(rows));

/** The pass over x that both share, and its gradient. BATCH: the statistics are those of x. */
function normalise(
  x: Tensor,
  gain: Tensor,
  bias: Tensor,
  stats: Tensor,
  { activation, residual }: BatchnormEpilogue,
  BATCH: 0 | 1,
): Tensor {
  const C = gain.shape[0] as number;
  const VECTOR = vectorWidth(C);
  const rows = product(x.shape) / C;
  const size = { rows, cols: C / VECTOR };
  const RELU = activation === "relu" ? 1 : 0;
  const inputs = { x, residual: residual ?? x, gain, bias, stats };
  const options = { RELU, RESIDUAL: residual ? 1 : 0, VECTOR };
  const { y } = launch(forward, size, inputs, { y: x.shape }, options);
  return withGrad(y, { x, gain, bias, residual }, (dy) => {
    const parted = { ...size, span: spanOf(rows) };
    const parts = [Math.ceil(rows / parted.span), C];
    const outputs = { dgain: parts, dbias: parts };
    // With a residual the ReLU's input is not known from x alone: a sum of its own masks dy by y.
    const masked = residual !== undefined && RELU === 1;
    const options = { RELU: masked ? 0 : RELU, VECTOR };
    const affine = { gain, bias, stats };
    const sums = masked
      ? launch(
          batchnormMaskSums,
          parted,
          { dy, x, y, stats },
          { ...outputs, g: y.shape },
          { VECTOR },
        )
      : { ...launch(batchnormGradSums, parted, { dy, x, ...affine }, outputs, options), g: dy };
    const [g, dgain, dbias] = [sums.g, sumParts(sums.dgain), sumParts(sums.dbias)];
    const inputs = { dy: g, x, ...affine, dgain, dbias };
    const { dx } = launch(batchnormGrad, size, inputs, { dx: x.shape }, { ...options, BATCH });
    return { x: dx, gain: dgain, bias: dbias, residual: g };
  });
}

/** The second ordered pass of a column sum. */
function sumParts(x: Tensor): Tensor {
  const [rows, cols] = x.shape as [number, number];
  const { y } = launch(sumKernel, { rows, cols, span: rows }, { x }, { y: [1, cols] });
  return view(y, [cols]);
}
