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
import { inTurns, type PlanKind, planKinds, programOf } from "./programs.ts";
import { type StepKind, stepKinds } from "./schedule.ts";
import type { Config } from "./schema.ts";
import { stepLoss } from "./step.ts";

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

/** A program of a run; traced afresh, since a graph's tensors belong to one program. */
const outlineOf = (kind: PlanKind, config: Config, occasion: Occasion, limits: Limits) =>
  outline(programOf(kind, trace(config, occasion)), limits);

/** Arithmetic of a step, by its parts. */
export interface StepFlops {
  readonly kind: StepKind;
  /** Both towers, search and loss; rows into the pool. */
  readonly forward: number;
  /** With what is computed again for it. */
  readonly backward: number;
  /** Optimiser and averages. */
  readonly update: number;
}

/** Count the arithmetic of each kind of step that a run makes. */
export function countFlops(config: Config, occasion: Occasion): StepFlops[] {
  return stepKinds(config).map((kind) => {
    const traced = trace(config, occasion);
    const batch = batchInputs(config, kind, traced.captions);
    const { loss, trained, state: updates } = stepLoss(config, traced.state, batch, kind);
    const forward = outline({ outputs: { loss }, updates }).flops;
    const gradients = Object.fromEntries(leaves<Tensor>(grad(loss, trained)));
    const both = outline({ outputs: { loss, ...gradients }, updates }).flops;
    const whole = outlineOf(kind, config, occasion, {}).flops;
    return { kind, forward, backward: both - forward, update: whole - both };
  });
}

/** Bytes on the device while a run trains, by what they are for. */
export interface RunMemory {
  readonly parameters: number;
  readonly moments: number;
  readonly averages: number;
  /** Running statistics of batch norms. */
  readonly statistics: number;
  /** Vectors to match with, what each pair was matched to, and how it was judged. */
  readonly pools: number;
  /** All captions, where matching steps encode them anew. */
  readonly captions: number;
  /** Activations and gradients of the programs in turns that need most: the planner's peak. */
  readonly activations: number;
  /** Their inputs, constants and parameters of dispatches. */
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
  const { params, moments, average, statistics, ...pools } = traced.state;
  const kinds = planKinds(config);
  const plans = kinds.map((kind) => {
    const plan = outlineOf(kind, config, occasion, occasion);
    return { kind, activations: slots(plan), inputs: plan.fixedBytes };
  });
  const together = plans.map(({ kind }) => {
    const beside = plans.filter((other) => other.kind === kind || inTurns(other.kind, kind));
    return {
      activations: beside.reduce((sum, { activations }) => sum + activations, 0),
      inputs: beside.reduce((sum, { inputs }) => sum + inputs, 0),
    };
  });
  // Those in turns are in memory at a time (session.ts); both plans of evaluation always are.
  const most = together.reduce((a, b) =>
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
    pools: bytesOf(pools),
    captions: bytesOf(traced.captions),
    ...most,
    evaluation: evaluations.reduce((sum, plan) => sum + slots(plan) + plan.fixedBytes, 0),
  };
  return { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) };
}

/** Arithmetic and memory traffic of every dispatch of each kind of step. */
export function stepCosts(config: Config, occasion: Occasion) {
  return stepKinds(config).map((kind) => ({
    kind,
    costs: outlineOf(kind, config, occasion, {}).costs,
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
