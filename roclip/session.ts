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
  type Program,
  readState,
  release,
  stream,
} from "../engine/index.ts";
import { rowsFor } from "./amount.ts";
import { DRAWS } from "./augment.ts";
import {
  allCaptions,
  type HostBatch,
  imageWords,
  packCaptions,
  packImages,
  stepsPerEpoch,
} from "./batches.ts";
import type { Dataset } from "./data/dataset.ts";
import { UserError } from "./errors.ts";
import type { EvaluationData } from "./evaluate.ts";
import { type Captions, needsCaptions } from "./match.ts";
import { type HeldState, initState, type State } from "./model.ts";
import { fillPools, reencodePools } from "./pool.ts";
import { type Progress, readRun, trimMetrics } from "./runFolder.ts";
import type { Config } from "./schema.ts";
import type { Source } from "./source.ts";
import { type Batch, trainingStep } from "./step.ts";
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
}

const FILL_KEY = 0x66696c6c; // "fill": which pairs fill the pools

/** A run under way: its state on the device and its plans. */
export interface Session {
  readonly options: SessionOptions;
  readonly stepsInEpoch: number;
  readonly state: HeldState;
  readonly plan: (matching: boolean) => Promise<Plan>;
  readonly fill: () => Promise<Plan>;
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

/**
 * The inputs of a step, for a configuration.
 *
 * @param captions  where steps encode matched captions anew
 */
export function batchInputs(
  { batch, imageSize, contextLength }: Config,
  captions?: Captions,
): Batch {
  return {
    images: input("images", [batch, imageWords(imageSize)], "u32"),
    draws: input("draws", [batch, DRAWS]),
    tokens: input("tokens", [batch, contextLength], "u32"),
    ends: input("ends", [batch], "u32"),
    pairs: input("pairs", [batch], "u32"),
    schedule: input("schedule", [3]),
    textSchedule: input("textSchedule", [3]),
    averageRate: input("averageRate", [1]),
    ...(captions && { captions }),
  };
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
  const { config, device, train, tokenizer, folder } = options;
  const pairs = train.captions.length;
  const stepsInEpoch = stepsPerEpoch(config, pairs);
  requirePool(config, pairs);
  requireVocabulary(config, tokenizer);
  let host: State<HostArray> = initState(config, tokenizer.vocabularySize, pairs);
  let progress = freshProgress(options);
  const { model, pretrained } = config;
  if (pretrained !== "" && !options.resume)
    host = { ...host, ...(await readWeights(pretrained, model, host)) };
  if (options.resume) {
    const saved = await readRun(folder);
    host = saved.state(host);
    progress = saved.progress;
    await trimMetrics(folder, (progress.epoch - 1) * stepsInEpoch + progress.step);
  }
  const state: HeldState = hold(device, host);
  const captions = heldCaptions(options);
  const { destroy, ...plans } = plansOf(options, state, captions);
  const free = () => {
    destroy();
    release(device, { state, ...captions });
  };
  return { options, stepsInEpoch, state, ...plans, progress, release: free };
}

/** The plans of a run, each built when it is first asked for. */
function plansOf({ config, device }: SessionOptions, state: HeldState, captions?: Captions) {
  const batch = batchInputs(config, captions);
  const built: Plan[] = [];
  const planOf = (describe: () => Program) =>
    once(async () => {
      const plan = await compile(device, describe());
      built.push(plan);
      return plan;
    });
  const stepPlan = (matching: boolean) =>
    planOf(() => {
      const { state: updates, loss } = trainingStep(config, state, batch, matching);
      return { outputs: { loss }, updates };
    });
  const steps = { plain: stepPlan(false), matching: stepPlan(true) };
  return {
    plan: (matching: boolean) => (matching ? steps.matching() : steps.plain()),
    fill: planOf(() => ({ outputs: {}, updates: fillPools(config, state, batch) })),
    reencode: planOf(() => {
      const updates = reencodePools(config, state, batch, input("at", [2], "u32"));
      return { outputs: {}, updates };
    }),
    destroy: () => {
      for (const plan of built) plan.destroy();
    },
  };
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
  return {
    pairs,
    ...(plan.inputs.includes("images") && { images: packImages(train, pairs) }),
    ...packCaptions(tokenizer, captions, config.contextLength),
  };
}

/** Fill what is still empty of the pools with real pairs, un-augmented, in a random order. */
export async function fillPoolsFromData(session: Session, epoch: number): Promise<void> {
  const { options, state, fill } = session;
  const { config, device, train } = options;
  const cursor = (await readState(device, { cursor: state.pool.cursor })).cursor.data;
  const empty = state.pool.ids.shape[0]! - cursor[1]!;
  if (empty <= 0) return;
  const plan = await fill();
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

/** The inputs of a batch that a plan reads: plain CLIP has no use for the numbers of the pairs. */
export function inputsFor(plan: Plan, batch: HostBatch): Record<string, HostData> {
  return Object.fromEntries(
    Object.entries(batch).filter(([name]) => plan.inputs.includes(name)),
  ) as Record<string, HostData>;
}
