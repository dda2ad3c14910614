/** A run under way: its state on the device, its plans, and the pool before its first search. */
import {
  compile,
  type Device,
  fold,
  type HostArray,
  type HostData,
  hold,
  input,
  keyOf,
  type Plan,
  readState,
  release,
  stream,
} from "../engine/index.ts";
import { rowsFor } from "./amount.ts";
import { allCaptions, packCaptions, packImages, stepsPerEpoch } from "./batches.ts";
import type { Dataset } from "./data/dataset.ts";
import { UserError } from "./errors.ts";
import type { EvaluationData } from "./evaluate.ts";
import { batchInputs, inputsFor } from "./inputs.ts";
import { type Captions, needsCaptions } from "./match.ts";
import { type Fit, fitMemory } from "./memory.ts";
import { type HeldState, initState, type State } from "./model.ts";
import { fillPools, reencodePools } from "./pool.ts";
import { type Progress, readRun, trimMetrics } from "./runFolder.ts";
import type { Config } from "./schema.ts";
import type { Source } from "./source.ts";
import { trainingStep } from "./step.ts";
import type { Tokenizer } from "./tokenize.ts";
import { readWeights } from "./weights.ts";

/** What a run is made of. */
export interface SessionOptions {
  readonly config: Config;
  readonly device: Device;
  /** Where the data came from, for the record. */
  readonly source: Source;
  /** Training data with its attacks in place. */
  readonly train: Dataset;
  readonly evaluation: EvaluationData;
  readonly tokenizer: Tokenizer;
  /** The run's folder, begun by `beginRun`. */
  readonly folder: string;
  /** Go on from the folder's checkpoint. */
  readonly resume?: boolean;
  /** Told what `memory` of the configuration came to. */
  readonly onFit?: (fit: Fit) => void;
}

const FILL_KEY = 0x66696c6c; // "fill": which pairs fill the pools

/** A step of one of the two kinds, or a batch of pairs into the pools. */
type PlanKind = "plain" | "matching" | "fill";

/** A run under way: its state on the device and its plans. */
export interface Session {
  readonly options: SessionOptions;
  readonly stepsInEpoch: number;
  readonly state: HeldState;
  /** A plan, which frees the one asked for before: one of them is in memory at a time. */
  readonly plan: (kind: PlanKind) => Promise<Plan>;
  readonly reencode: () => Promise<Plan>;
  readonly progress: Progress;
  /** Free what the run holds on the device. */
  readonly release: () => void;
}

function freshProgress({ config, source, tokenizer, evaluation, train }: SessionOptions): Progress {
  const { classes, prompts } = evaluation;
  const pairs = train.captions.length;
  const about = { config, source, tokenizer: tokenizer.toJSON(), classes, prompts, pairs };
  return { ...about, epoch: 1, step: 0, lossSum: 0, results: [] };
}

/** Plans of which one is in memory at a time. Kernels stay compiled, so building anew is quick. */
function oneAtATime(make: (kind: PlanKind) => Promise<Plan>) {
  let current: { readonly kind: PlanKind; readonly plan: Plan } | undefined;
  const free = () => current?.plan.destroy();
  const take = async (kind: PlanKind): Promise<Plan> => {
    if (current?.kind === kind) return current.plan;
    free();
    current = undefined;
    const plan = await make(kind);
    current = { kind, plan };
    return plan;
  };
  return { take, free };
}

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

/**
 * Refuse a pool that a batch does not fit.
 *
 * @param pairs  training pairs
 * @throws       UserError
 */
export function requirePool({ defence, roclip, batch }: Config, pairs: number): void {
  const rows = rowsFor(roclip.poolSize, pairs);
  if (defence === "roclip" && rows < batch)
    throw new UserError(
      `roclip.poolSize: the pool must hold at least one batch; it has ${rows} rows for ` +
        `batches of ${batch}; choose a larger --roclip-pool-size`,
    );
}

/** Refuse a tokenizer that makes tokens the model does not have. */
function requireVocabulary({ model }: Config, { vocabularySize }: Tokenizer): void {
  if (model === "small" || vocabularySize <= model.text_cfg.vocab_size) return;
  throw new UserError(
    `model.text_cfg.vocab_size: the model must have the tokenizer's ${vocabularySize} tokens; it ` +
      `has ${model.text_cfg.vocab_size}; choose a larger one, or leave out --merges`,
  );
}

/**
 * Begin or resume a run: state on the device, plans ready to be built.
 *
 * @throws  UserError when the pool is smaller than a batch, a batch larger than the data, or a
 *          checkpoint or the pretrained weights are of another model
 */
export async function beginSession(options: SessionOptions): Promise<Session> {
  const { device, train, tokenizer, folder } = options;
  const config = fitted(options);
  const pairs = train.captions.length;
  const stepsInEpoch = stepsPerEpoch(config, pairs);
  requirePool(config, pairs);
  requireVocabulary(config, tokenizer);
  let host = await initialState(options, config);
  let progress = freshProgress(options);
  if (options.resume) {
    const saved = await readRun(folder);
    host = saved.state(host);
    progress = saved.progress;
    await trimMetrics(folder, (progress.epoch - 1) * stepsInEpoch + progress.step);
  }
  const state: HeldState = hold(device, host);
  const captions = heldCaptions(options);
  const batch = batchInputs(config, captions);
  const plans = oneAtATime((kind) => {
    if (kind === "fill")
      return compile(device, { outputs: {}, updates: fillPools(config, state, batch) });
    const { state: updates, loss } = trainingStep(config, state, batch, kind === "matching");
    return compile(device, { outputs: { loss }, updates });
  });
  return {
    options,
    stepsInEpoch,
    state,
    plan: plans.take,
    reencode: once(() => {
      const updates = reencodePools(config, state, batch, input("at", [2], "u32"));
      return compile(device, { outputs: {}, updates });
    }),
    progress,
    release: () => {
      plans.free();
      release(device, { state, ...captions });
    },
  };
}

/** The state of a run that begins: drawn, or of pretrained weights. */
async function initialState(
  { train, tokenizer, resume }: SessionOptions,
  config: Config,
): Promise<State<HostArray>> {
  const { model, pretrained } = config;
  const drawn = initState(config, tokenizer.vocabularySize, train.captions.length);
  return pretrained === "" || resume
    ? drawn
    : { ...drawn, ...(await readWeights(pretrained, model, drawn)) };
}

/** The configuration made to fit its `memory` on the device. */
function fitted({ config, device, train, tokenizer, onFit }: SessionOptions): Config {
  const fit = fitMemory(config, {
    pairs: train.captions.length,
    vocabulary: tokenizer.vocabularySize,
    half: device.half,
    maxBufferSize: device.gpu.limits.maxBufferSize,
  });
  if (fit) onFit?.(fit);
  return fit?.config ?? config;
}

/** The training captions on the device, where matching steps encode them anew. */
function heldCaptions({ config, device, train, tokenizer }: SessionOptions): Captions | undefined {
  if (!needsCaptions(config)) return undefined;
  return hold(device, allCaptions(tokenizer, train, config.contextLength));
}

/** Pairs as the pools take them in, un-augmented: the inputs of a plan. */
function unaugmented(
  { config, train, tokenizer }: SessionOptions,
  plan: Plan,
  pairs: Uint32Array,
): Record<string, HostData> {
  const captions = Array.from(pairs, (row) => train.captions[row]!);
  const readsImages = plan.inputs.some((name) => name.startsWith("images"));
  return inputsFor(plan, {
    pairs,
    ...(readsImages && { images: packImages(train, pairs) }),
    ...packCaptions(tokenizer, captions, config.contextLength),
  });
}

/** Fill what is still empty of the pools with real pairs, un-augmented, in a random order. */
export async function fillPoolsFromData(session: Session, epoch: number): Promise<void> {
  const { options, state } = session;
  const { config, device, train } = options;
  const cursor = (await readState(device, { cursor: state.pool.cursor })).cursor.data;
  const empty = state.pool.ids.shape[0]! - cursor[1]!;
  if (empty <= 0) return;
  const plan = await session.plan("fill");
  const key = fold(fold(keyOf(config.seed), FILL_KEY), epoch);
  const order = stream(key).permutation(train.captions.length);
  for (let first = 0; first < empty; first += config.batch) {
    const pairs = Uint32Array.from(
      { length: config.batch },
      (_, i) => order[(first + i) % order.length]!,
    );
    plan.run(unaugmented(options, plan, pairs));
    await device.until(device.gpu.queue.onSubmittedWorkDone());
  }
}

/** Encode all rows of the pools anew, each the pair that its id names, un-augmented. */
export async function reencodeAll({ options, state, reencode }: Session): Promise<void> {
  const { config, device } = options;
  const ids = (await readState(device, { ids: state.pool.ids })).ids.data as Uint32Array;
  const plan = await reencode();
  for (let first = 0; first < ids.length; first += config.batch) {
    const pairs = Uint32Array.from(
      { length: config.batch },
      (_, i) => ids[(first + i) % ids.length]!,
    );
    const at = Uint32Array.of(first, ids.length);
    plan.run({ at, ...unaugmented(options, plan, pairs) });
    await device.until(device.gpu.queue.onSubmittedWorkDone());
  }
}
