/** A run under way: its state on the device and its plans. */
import {
  compile,
  type Device,
  type HostArray,
  type HostData,
  hold,
  input,
  type Plan,
  type Program,
  release,
} from "../engine/index.ts";
import { DRAWS } from "./augment.ts";
import { cleanRows } from "./baselines/cleanclip.ts";
import { VIEWS } from "./baselines/views.ts";
import { allCaptions, type HostBatch, imageWords, stepsPerEpoch } from "./batches.ts";
import type { Dataset } from "./data/dataset.ts";
import type { Part } from "./embed.ts";
import { UserError } from "./errors.ts";
import type { EvaluationData } from "./evaluate.ts";
import { type Captions, needsCaptions } from "./match.ts";
import { type HeldState, initState, poolRows, type State } from "./model.ts";
import type { Chosen } from "./order.ts";
import { fillPools, reencodePools } from "./pool.ts";
import { readPretrained } from "./pretrained.ts";
import { type Progress, readRun, trimMetrics } from "./runFolder.ts";
import type { StepKind } from "./schedule.ts";
import type { Config } from "./schema.ts";
import type { Source } from "./source.ts";
import { type Batch, trainingStep } from "./step.ts";
import type { Tokenizer } from "./tokenize.ts";

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

/** A batch, of which all but the captions may be left out where a plan does not read it. */
type HostPairs = Pick<HostBatch, "tokens" | "ends"> & Partial<HostBatch>;

/** A run under way: its state on the device and its plans. */
export interface Session {
  readonly options: SessionOptions;
  readonly stepsInEpoch: number;
  readonly state: HeldState;
  readonly plan: (kind: StepKind) => Promise<Plan>;
  /** The pairs that the defence trains on. */
  readonly chosen: Chosen;
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
 * @param kind      of step
 * @param captions  where steps encode matched captions anew
 */
export function batchInputs(config: Config, kind: StepKind, captions?: Captions): Batch {
  const { batch, microBatch } = config;
  const rows = VIEWS[kind].length * batch;
  const count = microBatch > 0 ? rows / microBatch : 1;
  const [head, ...others] = Array.from({ length: count }, (_, i) =>
    partInputs(config, rows / count, count > 1 ? `.${i}` : ""),
  );
  return {
    parts: [head!, ...others],
    pairs: input("pairs", [batch], "u32"),
    schedule: input("schedule", [3]),
    textSchedule: input("textSchedule", [3]),
    averageRate: input("averageRate", [1]),
    ...(captions && { captions }),
  };
}

/** The inputs of a part of `rows` pairs, whose names have an ending of their own. */
function partInputs({ imageSize, contextLength }: Config, rows: number, ending: string): Part {
  return {
    images: input(`images${ending}`, [rows, imageWords(imageSize)], "u32"),
    draws: input(`draws${ending}`, [rows, DRAWS]),
    tokens: input(`tokens${ending}`, [rows, contextLength], "u32"),
    ends: input(`ends${ending}`, [rows], "u32"),
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
export function requirePool(config: Config, pairs: number): void {
  const { defence, batch } = config;
  const rows = poolRows(config, pairs);
  if ((defence === "roclip" || defence === "safeclip") && rows < batch)
    throw new UserError(
      `${defence}.poolSize: the pool must hold at least one batch; it has ${rows} rows for ` +
        `batches of ${batch}; choose a larger --${defence}-pool-size`,
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
  if (config.pretrained !== "" && !options.resume)
    host = { ...host, ...(await readPretrained(config, host)) };
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
  const chosen = chosenOf(options);
  return { options, stepsInEpoch, state, ...plans, chosen, progress, release: free };
}

/** The plans of a run, each built when it is first asked for. */
function plansOf({ config, device }: SessionOptions, state: HeldState, captions?: Captions) {
  const built: Plan[] = [];
  const planOf = (describe: () => Program) =>
    once(async () => {
      const plan = await compile(device, describe());
      built.push(plan);
      return plan;
    });
  const stepOf = (kind: StepKind) =>
    planOf(() => {
      const batch = batchInputs(config, kind, captions);
      const { state: updates, loss } = trainingStep(config, state, batch, kind);
      return { outputs: { loss }, updates };
    });
  const steps = new Map<StepKind, () => Promise<Plan>>();
  const plan = (kind: StepKind) => {
    const step = steps.get(kind) ?? stepOf(kind);
    steps.set(kind, step);
    return step();
  };
  const batch = batchInputs(config, "plain");
  return {
    plan,
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

/** The pairs that the defence trains on. */
function chosenOf({ config, train, evaluation }: SessionOptions): Chosen {
  if (config.defence !== "cleanclip") return {};
  return { clean: cleanRows(config, train.captions.length, evaluation.truth) };
}

/** The training captions on the device, where matching steps encode them anew. */
function heldCaptions({ config, device, train, tokenizer }: SessionOptions): Captions | undefined {
  if (!needsCaptions(config)) return undefined;
  return hold(device, allCaptions(tokenizer, train, config.contextLength));
}

/**
 * The inputs of a batch that a plan reads: plain CLIP has no use for the numbers of the pairs, and
 * a plan of micro-batches reads `images.0`, `images.1` and so on, equal shares of the batch's rows.
 */
export function inputsFor(plan: Plan, batch: HostPairs): Record<string, HostData> {
  const shares = plan.inputs.filter((input) => input.startsWith("tokens.")).length;
  const entries = plan.inputs.flatMap((input) => {
    const [name, share] = input.split(".") as [keyof HostPairs, string?];
    const data = batch[name];
    if (data === undefined) return [];
    return [[input, share === undefined ? data : shareOf(batch, name, Number(share), shares)]];
  });
  return Object.fromEntries(entries);
}

/** One of equal shares of a batch's rows. */
function shareOf(batch: HostPairs, name: keyof HostPairs, share: number, shares: number): HostData {
  const data = batch[name]!;
  const [first, end] = [share, share + 1].map((at) => (at * data.length) / shares);
  const rows = data.subarray(first, end);
  // The places of the ends are counted from the first token of the micro-batch.
  const tokensBefore = (share * batch.tokens.length) / shares;
  return name === "ends" ? rows.map((place) => place - tokensBefore) : rows;
}
