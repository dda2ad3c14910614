/** What a run takes, counted from its traced graphs: no device, no memory, nothing compiled. */
import {
  grad,
  type HostArray,
  type Limits,
  leaves,
  type Outline,
  outline,
  product,
  state as stateTensor,
  type Tensor,
} from "../engine/index.ts";
import { evaluationPrograms } from "./evaluate.ts";
import { batchInputs } from "./inputs.ts";
import { type Captions, needsCaptions } from "./match.ts";
import { describeState, type HeldState } from "./model.ts";
import { fillPools } from "./pool.ts";
import { everMatches, plainEpochsBefore } from "./schedule.ts";
import type { Config } from "./schema.ts";
import { stepLoss, trainingStep } from "./step.ts";

/** What a configuration is planned for. */
export interface Occasion extends Limits {
  /** Training pairs. */
  readonly pairs: number;
  /** Tokens the tokenizer knows; as the configuration says when left out. */
  readonly vocabulary?: number;
}

/** The tensors of a run, on no device. */
interface Traced {
  readonly config: Config;
  readonly state: HeldState;
  readonly captions?: Captions;
}

const WORD_BYTES = 4;
const bytesOf = (tree: unknown) =>
  leaves<Pick<HostArray, "shape">>(tree ?? {}).reduce(
    (sum, [, { shape }]) => sum + WORD_BYTES * product(shape),
    0,
  );

function trace(config: Config, { pairs, vocabulary }: Occasion): Traced {
  const state = describeState(config, vocabulary ?? config.vocabularySize, pairs);
  if (!needsCaptions(config)) return { config, state };
  const words = (name: string, shape: readonly number[]) => stateTensor(name, shape, "u32");
  const tokens = words("tokens", [pairs, config.contextLength]);
  return { config, state, captions: { tokens, ends: words("ends", [pairs]) } };
}

/** A step of a kind, as a run makes it. */
function stepOutline({ config, state, captions }: Traced, matching: boolean, limits: Limits) {
  const step = trainingStep(config, state, batchInputs(config, captions), matching);
  return outline({ outputs: { loss: step.loss }, updates: step.state }, limits);
}

/** The kinds of step that a run makes. */
function kindsOf(config: Config): boolean[] {
  const plain = plainEpochsBefore(config, config.epochs + 1) > 0;
  return [...(plain ? [false] : []), ...(everMatches(config) ? [true] : [])];
}

/** Arithmetic of a step, by its parts. */
export interface StepFlops {
  readonly matching: boolean;
  /** Both towers, search and loss; rows into the pool. */
  readonly forward: number;
  /** With what is computed again for it. */
  readonly backward: number;
  /** Optimiser and averages. */
  readonly update: number;
}

/** Count the arithmetic of each kind of step that a run makes. */
export function countFlops(config: Config, occasion: Occasion): StepFlops[] {
  return kindsOf(config).map((matching) => {
    const traced = trace(config, occasion);
    const batch = batchInputs(config, traced.captions);
    const { loss, trained, state: updates } = stepLoss(config, traced.state, batch, matching);
    const forward = outline({ outputs: { loss }, updates }).flops;
    const gradients = Object.fromEntries(leaves<Tensor>(grad(loss, trained)));
    const both = outline({ outputs: { loss, ...gradients }, updates }).flops;
    const whole = stepOutline(trace(config, occasion), matching, {}).flops;
    return { matching, forward, backward: both - forward, update: whole - both };
  });
}

/** Bytes on the device while a run trains, by what they are for. */
export interface RunMemory {
  readonly parameters: number;
  readonly moments: number;
  readonly averages: number;
  /** Running statistics of batch norms. */
  readonly statistics: number;
  /** Vectors to match with, and what each pair was matched to. */
  readonly pools: number;
  /** All captions, where matching steps encode them anew. */
  readonly captions: number;
  /** Activations and gradients of the step that needs most: the planner's peak. */
  readonly activations: number;
  /** That step's inputs, constants and parameters of dispatches. */
  readonly inputs: number;
  /** Plans that embed held-out images and captions. */
  readonly evaluation: number;
  readonly total: number;
}

/** How exactly slots are known: as laid out, or by the least that any layout could need. */
export type Slots = (plan: Outline) => number;
export const LAID_OUT: Slots = (plan) => plan.peakBytes();
export const AT_LEAST: Slots = (plan) => plan.boundBytes;

/** What a run takes on the device. */
export function memoryOf(config: Config, occasion: Occasion, slots: Slots): RunMemory {
  const traced = trace(config, occasion);
  const { params, moments, average, statistics, pool, imagePool, matches } = traced.state;
  const steps = kindsOf(config).map((matching) =>
    stepOutline(trace(config, occasion), matching, occasion),
  );
  const fills = fillPools(config, traced.state, batchInputs(config));
  const plans = [...steps, outline({ outputs: {}, updates: fills }, occasion)].map((plan) => ({
    activations: slots(plan),
    inputs: plan.fixedBytes,
  }));
  // One of these is in memory at a time (session.ts); both plans of evaluation always are.
  const most = plans.reduce((a, b) =>
    b.activations + b.inputs > a.activations + a.inputs ? b : a,
  );
  const evaluations = Object.values(evaluationPrograms(config, traced.state)).map((program) =>
    outline(program, occasion),
  );
  const parts = {
    parameters: bytesOf(params),
    moments: bytesOf(moments),
    averages: bytesOf(average),
    statistics: bytesOf(statistics),
    pools: bytesOf({ pool, matches, ...(imagePool && { imagePool }) }),
    captions: bytesOf(traced.captions),
    ...most,
    evaluation: evaluations.reduce((sum, plan) => sum + slots(plan) + plan.fixedBytes, 0),
  };
  return { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) };
}

/** Arithmetic and memory traffic of every dispatch of each kind of step. */
export function stepCosts(config: Config, occasion: Occasion) {
  return kindsOf(config).map((matching) => ({
    matching,
    costs: stepOutline(trace(config, occasion), matching, {}).costs,
  }));
}

/** Parameters of a model, by tower. */
export function countParameters(config: Config): { image: number; text: number; all: number } {
  const { params } = describeState(config, config.vocabularySize, 1);
  const [image, text, all] = [params.image, params.text, params].map(
    (tree) => bytesOf(tree) / WORD_BYTES,
  );
  return { image: image!, text: text!, all: all! };
}
