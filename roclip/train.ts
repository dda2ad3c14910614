/**
 * A training run: epochs of steps, each epoch measured, everything saved. All of the method's I/O.
 */
import {
  compile,
  type Device,
  fold,
  type HostArray,
  hold,
  input,
  keyOf,
  type Plan,
  readState,
  release,
  stream,
} from "../engine/index.ts";
import { DRAWS } from "./augment.ts";
import { createBatches, imageWords, packCaptions, stepsPerEpoch } from "./batches.ts";
import type { Dataset } from "./data/dataset.ts";
import { UserError } from "./errors.ts";
import {
  createEmbedder,
  type Evaluation,
  type EvaluationData,
  evaluate,
  type Subjects,
  subjectsOf,
} from "./evaluate.ts";
import { type HeldState, initState, type State } from "./model.ts";
import type { EpochResult } from "./report/data.ts";
import { appendMetrics, type Progress, readRun, saveRun, trimMetrics } from "./runFolder.ts";
import { isMatchingEpoch, learningRate, poolRows } from "./schedule.ts";
import type { Config } from "./schema.ts";
import { type Batch, fillPool, trainingStep } from "./step.ts";
import { type Tokenizer, tokenizerFromJson } from "./tokenize.ts";

/** Where a run is while it runs. */
export interface StepReport {
  readonly epoch: number;
  readonly matching: boolean;
  /** Steps done in all, and to do in all. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly pairsPerSecond: number;
}

/** What a run is made of. */
export interface TrainOptions {
  readonly config: Config;
  readonly device: Device;
  /** Training data with its attacks in place. */
  readonly train: Dataset;
  readonly evaluation: EvaluationData;
  readonly tokenizer: Tokenizer;
  /** The run's folder, begun by `beginRun`. */
  readonly folder: string;
  /** Go on from the folder's checkpoint. */
  readonly resume?: boolean;
  /** Stops the run after the step under way, saved. */
  readonly signal?: AbortSignal;
  readonly onStep?: (report: StepReport) => void;
  readonly onEpoch?: (result: EpochResult) => void;
}

/** What a run came to. */
export interface TrainedRun {
  /** False when the signal stopped it. */
  readonly finished: boolean;
  readonly results: readonly EpochResult[];
  /** The last evaluation; undefined when no epoch was finished in this process. */
  readonly last: Evaluation | undefined;
  readonly subjects: Subjects;
  /** u32[N]: the caption that each training pair was last matched to. */
  readonly matches: Uint32Array;
}

const FILL_KEY = 0x66696c6c; // "fill": which captions fill the pool

/** A run under way: its state on the device and its plans. */
interface Session {
  readonly options: TrainOptions;
  readonly stepsInEpoch: number;
  readonly state: HeldState;
  readonly plan: (matching: boolean) => Promise<Plan>;
  readonly fill: () => Promise<Plan>;
  readonly progress: Progress;
}

// ── Starting ────────────────────────────────────────────────────────────────────────────────────

function freshProgress({ config, tokenizer, evaluation, train }: TrainOptions): Progress {
  const { classes, prompts } = evaluation;
  const pairs = train.captions.length;
  const about = { config, tokenizer: tokenizer.toJSON(), classes, prompts, pairs };
  return { ...about, epoch: 1, step: 0, lossSum: 0, results: [] };
}

/** The inputs of a step, for a configuration. */
function batchInputs({ batch, imageSize, contextLength }: Config): Batch {
  return {
    images: input("images", [batch, imageWords(imageSize)], "u32"),
    draws: input("draws", [batch, DRAWS]),
    tokens: input("tokens", [batch, contextLength], "u32"),
    ends: input("ends", [batch], "u32"),
    pairs: input("pairs", [batch], "u32"),
    schedule: input("schedule", [3]),
  };
}

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

async function begin(options: TrainOptions): Promise<Session> {
  const { config, device, train, tokenizer, folder } = options;
  const pairs = train.captions.length;
  const stepsInEpoch = stepsPerEpoch(config, pairs);
  const rows = poolRows(config.roclip.poolSize, pairs);
  if (config.defence === "roclip" && rows < config.batch)
    throw new UserError(
      `roclip.poolSize: the pool must hold at least one batch; it has ${rows} rows for batches of ` +
        `${config.batch}; choose a larger --roclip-pool-size`,
    );
  let host: State<HostArray> = initState(config, tokenizer.vocabularySize, pairs);
  let progress = freshProgress(options);
  if (options.resume) {
    const saved = await readRun(folder);
    host = saved.state(host);
    progress = saved.progress;
    await trimMetrics(folder, (progress.epoch - 1) * stepsInEpoch + progress.step);
  }
  const state: HeldState = hold(device, host);
  const batch = batchInputs(config);
  const stepPlan = (matching: boolean) =>
    once(() => {
      const { state: updates, loss } = trainingStep(config, state, batch, matching);
      return compile(device, { outputs: { loss }, updates });
    });
  const plans = { plain: stepPlan(false), matching: stepPlan(true) };
  return {
    options,
    stepsInEpoch,
    state,
    plan: (matching) => (matching ? plans.matching() : plans.plain()),
    fill: once(() => compile(device, { outputs: {}, updates: fillPool(config, state, batch) })),
    progress,
  };
}

// ── The pool before its first search ────────────────────────────────────────────────────────────

/** Fill what is still empty of the pool with real captions, un-augmented, in a random order. */
async function fillFromCaptions(session: Session, epoch: number): Promise<void> {
  const { options, state, fill } = session;
  const { config, device, train, tokenizer } = options;
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
    const captions = Array.from(pairs, (row) => train.captions[row]!);
    plan.run({ pairs, ...packCaptions(tokenizer, captions, config.contextLength) });
    await device.gpu.queue.onSubmittedWorkDone();
  }
}

// ── One epoch ───────────────────────────────────────────────────────────────────────────────────

function requireFinite(loss: number, epoch: number, step: number): void {
  if (Number.isFinite(loss)) return;
  throw new UserError(
    `train: the loss must be finite; it is ${loss} at epoch ${epoch}, step ${step}; ` +
      "choose a smaller --lr (the last checkpoint is from before)",
  );
}

/** Run the rest of an epoch; how far it got, and how fast. */
async function runEpoch(session: Session, from: Progress): Promise<Progress & { seconds: number }> {
  const { options, stepsInEpoch } = session;
  const { config, folder, signal, train, tokenizer } = options;
  const { epoch } = from;
  const matching = isMatchingEpoch(config, epoch);
  if (matching && from.step === 0) await fillFromCaptions(session, epoch);
  const plan = await session.plan(matching);
  const batchAt = createBatches(config, train, tokenizer);
  const lines: object[] = [];
  const begun = performance.now();
  let { step, lossSum } = from;

  const settle = async (at: number, read: Promise<Record<string, ArrayLike<number>>>) => {
    const loss = (await read).loss![0]!;
    requireFinite(loss, epoch, at + 1);
    lossSum += loss;
    const total = (epoch - 1) * stepsInEpoch + at + 1;
    const lr = learningRate(config, total - 1, stepsInEpoch);
    lines.push({ kind: "step", step: total, epoch, matching, loss, lr });
    const pairsPerSecond =
      ((at + 1 - from.step) * config.batch * 1000) / (performance.now() - begun);
    const steps = config.epochs * stepsInEpoch;
    options.onStep?.({ epoch, matching, step: total, steps, loss, pairsPerSecond });
  };
  // The loss is read one step behind, so that the next batch is made while the device works.
  let behind: Promise<void> | undefined;
  while (step < stepsInEpoch && !signal?.aborted) {
    plan.run(batchAt(epoch, step) as unknown as Record<string, Float32Array>);
    const read = plan.read("loss");
    await behind;
    behind = settle(step, read);
    step++;
  }
  await behind;
  await appendMetrics(folder, lines);
  return { ...from, step, lossSum, seconds: (performance.now() - begun) / 1000 };
}

// ── The run ─────────────────────────────────────────────────────────────────────────────────────

async function save(session: Session, progress: Progress): Promise<void> {
  const { device, folder } = session.options;
  await saveRun(folder, await readState(device, session.state), progress);
}

/**
 * Train a model: every epoch is measured, logged and saved.
 *
 * @returns  the measures of every epoch
 * @throws   UserError when the loss is not finite, or the configuration does not fit the data
 */
export async function train(options: TrainOptions): Promise<TrainedRun> {
  const { config, device, evaluation, folder } = options;
  const session = await begin(options);
  const { state, stepsInEpoch } = session;
  const embedder = await createEmbedder(device, config, state, options.tokenizer);
  const subjects = subjectsOf(config, evaluation);
  let progress = session.progress;
  let last: Evaluation | undefined;

  while (progress.epoch <= config.epochs) {
    const done = await runEpoch(session, progress);
    const { seconds, ...reached } = done;
    if (reached.step < stepsInEpoch) {
      await save(session, reached);
      progress = reached;
      break;
    }
    last = await evaluate(embedder, subjects, evaluation);
    const { targetPredictions: _, triggeredPredictions: __, ...measured } = last;
    const result: EpochResult = {
      epoch: reached.epoch,
      matching: isMatchingEpoch(config, reached.epoch),
      loss: reached.lossSum / stepsInEpoch,
      ...measured,
      pairsPerSecond: ((stepsInEpoch - progress.step) * config.batch) / seconds,
      seconds,
    };
    const results = [...reached.results, result];
    progress = { ...reached, epoch: reached.epoch + 1, step: 0, lossSum: 0, results };
    await appendMetrics(folder, [{ kind: "epoch", step: reached.epoch * stepsInEpoch, ...result }]);
    await save(session, progress);
    options.onEpoch?.(result);
  }

  const matches = (await readState(device, { matches: state.matches })).matches.data as Uint32Array;
  embedder.destroy();
  release(device, state);
  const finished = progress.epoch > config.epochs;
  return { finished, results: progress.results, last, subjects, matches };
}

/** A saved model, ready to be measured. */
export async function loadModel(
  device: Device,
  path: string,
): Promise<{ progress: Progress; state: HeldState; tokenizer: Tokenizer }> {
  const { progress, state } = await readRun(path);
  const tokenizer = tokenizerFromJson(progress.tokenizer);
  const like = initState(progress.config, tokenizer.vocabularySize, progress.pairs);
  return { progress, state: hold(device, state(like)), tokenizer };
}
