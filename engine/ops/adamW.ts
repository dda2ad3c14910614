import { adamw as kernel } from "../../kernels/adamw/adamw.ts";
import { vectorWidth, WORD_BYTES } from "../../kernels/kernel.ts";
import { apart, constant, launchOver, product, type Tensor } from "../graph.ts";
import { match } from "../shape.ts";

/** What stays the same from step to step. */
export interface AdamWSettings {
  /** Decay of the first moment. */
  readonly beta1: number;
  /** Decay of the second moment. */
  readonly beta2: number;
  /** Added to the root of the second moment, in units of the gradient. */
  readonly eps: number;
}

/** What a step changes: a parameter and its moments, f32[*S] each, state. */
export interface Adapted {
  readonly parameter: Tensor;
  readonly first: Tensor;
  readonly second: Tensor;
}

/** A parameter with its moments, and what moves it. */
export interface Adapting extends Adapted {
  /** f32[*S] */
  readonly gradient: Tensor;
  /** Decoupled weight decay per unit of learning rate. */
  readonly weightDecay: number;
}

/** Tensors in a dispatch. */
const TOGETHER = 3;

/** What is bound for the gradient of a tensor that is missing: a Vector of either width. */
const NOTHING = constant(new Float32Array(4));

/** Bytes that a dispatch binds of a shared buffer; WebGPU's least maxStorageBufferBindingSize. */
const SPAN_BYTES = 2 ** 27;

/**
 * One step of AdamW on parameter tensors, in place. Tensors that follow each other are updated
 * three in a dispatch where their buffers are shared (`hold`), parameters, first and second moments
 * each.
 *
 * @param tensors   parameter, gradient, first and second f32[*S]; each tensor has its own shape
 * @param schedule  f32[3]: lr, 1 / (1 − β₁ᵗ), 1 / (1 − β₂ᵗ) (`adamWSchedule`)
 * @param factor    f32[] that gradients are multiplied by; where it is 0, nothing changes
 * @param settings  the same for all steps
 * @returns         the new versions of parameters and moments, in order
 * @throws          ShapeError unless a parameter, its gradient and its moments have one shape
 * @see             Loshchilov & Hutter 2019, arXiv:1711.05101, alg. 2; torch.optim.AdamW
 */
export function adamW(
  tensors: readonly Adapting[],
  schedule: Tensor,
  factor: Tensor,
  settings: AdamWSettings,
): Adapted[] {
  for (const { parameter, gradient, first, second } of tensors)
    match("adamW", {
      parameter: [parameter, "*S"],
      gradient: [gradient, "*S"],
      first: [first, "*S"],
      second: [second, "*S"],
      schedule: [schedule, "3"],
      factor: [factor, ""],
    });
  const groups: Adapting[][] = [];
  for (const tensor of tensors) {
    const group = groups.at(-1);
    if (group && joins(group, tensor)) group.push(tensor);
    else groups.push([tensor]);
  }
  return groups.flatMap((group) => together(group, schedule, factor, settings));
}

const sizeOf = ({ parameter }: Adapting) => product(parameter.shape);

/** Whether one dispatch can update a tensor with those of a group, which lie before it. */
function joins(group: readonly Adapting[], tensor: Adapting): boolean {
  const start = group[0]!;
  const begin = apart(start.parameter, tensor.parameter);
  return (
    group.length < TOGETHER &&
    begin !== undefined &&
    begin > 0 &&
    apart(start.first, tensor.first) === begin &&
    apart(start.second, tensor.second) === begin &&
    vectorWidth(sizeOf(start)) === vectorWidth(sizeOf(tensor)) &&
    (begin + sizeOf(tensor)) * WORD_BYTES <= SPAN_BYTES
  );
}

/** One dispatch for up to three tensors; those that are missing have no elements. */
function together(
  group: readonly Adapting[],
  schedule: Tensor,
  factor: Tensor,
  { beta1, beta2, eps }: AdamWSettings,
): Adapted[] {
  const start = group[0]!;
  const VECTOR = vectorWidth(sizeOf(start));
  const [count0 = 0, count1 = 0, count2 = 0] = group.map((tensor) => sizeOf(tensor) / VECTOR);
  const begins = group.map(({ parameter }) => apart(start.parameter, parameter)! / VECTOR);
  const [, begin1 = 0, begin2 = 0] = begins;
  const [decay0 = 0, decay1 = 0, decay2 = 0] = group.map(({ weightDecay }) => weightDecay);
  const moments = { one_minus_beta1: 1 - beta1, beta2, one_minus_beta2: 1 - beta2, eps };
  const counts = { count0, count1, count2, begin1, begin2 };
  const gradient = (k: number) => group[k]?.gradient ?? NOTHING;
  const { parameter, first, second } = launchOver(
    kernel,
    { ...counts, decay0, decay1, decay2, ...moments },
    { schedule, factor, gradient0: gradient(0), gradient1: gradient(1), gradient2: gradient(2) },
    {
      parameter: group.map((tensor) => tensor.parameter),
      first: group.map((tensor) => tensor.first),
      second: group.map((tensor) => tensor.second),
    },
    { VECTOR },
  );
  return group.map((_, i) => ({
    parameter: parameter[i]!,
    first: first[i]!,
    second: second[i]!,
  }));
}
