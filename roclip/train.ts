/**
 * A training run: epochs of steps, each epoch measured, everything saved. All of the method's I/O.
 */
import { type Device, hold, readState } from "../engine/index.ts";
import type { MeasureRow } from "./assess.ts";
import type { Assessed } from "./assessed.ts";
import { chooseSafe } from "./baselines/safeSet.ts";
import { createBatches } from "./batches.ts";
import { chosenNow } from "./chosen.ts";
import { UserError } from "./errors.ts";
import {
  createEmbedder,
  type Embedder,
  type Evaluation,
  evaluate,
  remembering,
  type Subjects,
  subjectsOf,
} from "./evaluate.ts";
import { fillPoolsFromData, reencodeAll } from "./fillPools.ts";
import { type FollowedPairs, followedSimilarity, followPairs } from "./followed.ts";
import { inputsFor } from "./inputs.ts";
import { judgeAll } from "./judge.ts";
import { type HeldState, initState } from "./model.ts";
import type { EpochResult } from "./report/data.ts";
import { appendMetrics, type Progress, type SavedRun, saveRun } from "./runFolder.ts";
import {
  isReencodingStep,
  judges,
  kindsIn,
  learningRate,
  type Phase,
  phaseOf,
} from "./schedule.ts";
import { beginSession, type Session, type SessionOptions } from "./session.ts";
import { type Tokenizer, tokenizerFromJson } from "./tokenize.ts";

/** Where a run is while it runs. */
export interface StepReport {
  readonly epoch: number;
  readonly phase: Phase;
  /** Steps done in all, and to do in all. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly pairsPerSecond: number;
}

/** What a run is made of, and whom to tell. */
export interface TrainOptions extends SessionOptions {
  /** Stops the run after the step under way, saved. */
  readonly signal?: AbortSignal;
  readonly onStep?: (report: StepReport) => void;
  readonly onEpoch?: (result: EpochResult) => void;
  /** Further measures of the model after every epoch, for its metrics. */
  readonly measure?: (model: EpochModel) => Promise<readonly MeasureRow[]>;
}

/** A model between two epochs, as measures read it. */
export type EpochModel = Pick<Assessed, "embedder" | "state" | "subjects">;

/** What a run came to. */
export interface TrainedRun {
  /** False when the signal stopped it. */
  readonly finished: boolean;
  readonly results: readonly EpochResult[];
  /** The last evaluation: of the model as it is, where the run is finished. */
  readonly last: Evaluation | undefined;
  readonly subjects: Subjects;
  /** u32[N]: the caption that each training pair was last matched to. */
  readonly matches: Uint32Array;
}

function requireFinite(loss: number, epoch: number, step: number): void {
  if (Number.isFinite(loss)) return;
  throw new UserError(
    `train: the loss must be finite; it is ${loss} at epoch ${epoch}, step ${step}; ` +
      "choose a smaller --lr (the last checkpoint is from before)",
  );
}

/** Takes the losses of an epoch's steps: sums, checks, logs and reports them. */
function lossKeeper(options: TrainOptions, session: Session, from: Progress) {
  const { config, onStep } = options;
  const { epoch } = from;
  const { stepsInEpoch } = session;
  const phase = phaseOf(config, epoch);
  const begun = performance.now();
  const lines: object[] = [];
  let lossSum = from.lossSum;
  const take = (at: number, loss: number) => {
    requireFinite(loss, epoch, at + 1);
    lossSum += loss;
    const step = (epoch - 1) * stepsInEpoch + at + 1;
    const lr = learningRate(config, step - 1, stepsInEpoch);
    lines.push({ kind: "step", step, epoch, phase, loss, lr });
    const seconds = (performance.now() - begun) / 1000;
    const pairsPerSecond = ((at + 1 - from.step) * config.batch) / seconds;
    const steps = config.epochs * stepsInEpoch;
    onStep?.({ epoch, phase, step, steps, loss, pairsPerSecond });
  };
  return { take, lines, lossSum: () => lossSum };
}

/** What an epoch needs before its first step: pools that are full, pairs chosen. */
async function openEpoch(
  { config, folder }: TrainOptions,
  session: Session,
  embedder: Embedder,
  epoch: number,
): Promise<void> {
  const phase = phaseOf(config, epoch);
  const step = (epoch - 1) * session.stepsInEpoch + 1; // that which the pairs are first used in
  if (phase === "matching" && judges(config)) {
    const judged = await judgeAll(session, embedder, epoch);
    return appendMetrics(folder, [{ kind: "judged", step, epoch, ...judged }]);
  }
  const searches = kindsIn(config, epoch).some(
    (kind) => kind === "matching" || kind === "unimodal",
  );
  if (searches) await fillPoolsFromData(session, epoch);
  if (phase !== "split") return;
  const found = await chooseSafe(session, embedder, epoch);
  await appendMetrics(folder, [{ kind: "safe", step, epoch, ...found }]);
}

/** Run the rest of an epoch; how far it got, and how long it took. */
async function runEpoch(
  options: TrainOptions,
  session: Session,
  embedder: Embedder,
  from: Progress,
): Promise<Progress & { seconds: number }> {
  const { config, folder, signal, train, tokenizer } = options;
  const { epoch } = from;
  if (from.step === 0) await openEpoch(options, session, embedder, epoch);
  for (const kind of kindsIn(config, epoch)) await session.plan(kind); // not on the clock
  const batchAt = createBatches(config, train, tokenizer, await chosenNow(session));
  const begun = performance.now();
  const keeper = lossKeeper(options, session, from);
  let { step } = from;
  // The loss is read one step behind, so that the next batch is made while the device works.
  let behind: Promise<void> | undefined;
  try {
    do {
      if (isReencodingStep(config, epoch, step)) await reencodeAll(session);
      const batch = batchAt(epoch, step);
      const plan = await session.plan(batch.kind);
      plan.run(inputsFor(plan, batch));
      const read = plan.read("loss");
      await behind;
      const at = step++;
      behind = read.then(({ loss }) => keeper.take(at, loss![0]!));
    } while (step < session.stepsInEpoch && !signal?.aborted); // what opened an epoch did so once
    await behind;
  } finally {
    await appendMetrics(folder, keeper.lines);
  }
  const seconds = (performance.now() - begun) / 1000;
  return { ...from, step, lossSum: keeper.lossSum(), seconds };
}

/** Measure the model after an epoch. */
async function closeEpoch(
  { config, evaluation }: TrainOptions,
  session: Session,
  measures: { embedder: Embedder; subjects: Subjects; followed: FollowedPairs },
  done: Progress & { seconds: number; stepsRun: number },
): Promise<{ result: EpochResult; last: Evaluation }> {
  const { embedder, subjects, followed } = measures;
  const last = await evaluate(embedder, subjects, evaluation);
  const { targetPredictions: _, triggeredPredictions: __, ...measured } = last;
  const result: EpochResult = {
    epoch: done.epoch,
    phase: phaseOf(config, done.epoch),
    loss: done.lossSum / session.stepsInEpoch,
    ...measured,
    ...(await followedSimilarity(embedder, followed)),
    pairsPerSecond: (done.stepsRun * config.batch) / done.seconds,
    seconds: done.seconds,
  };
  return { result, last };
}

/** Log what an epoch came to, and the further measures that were asked for. */
async function logEpoch(
  { folder, measure }: TrainOptions,
  model: EpochModel,
  step: number,
  result: EpochResult,
): Promise<void> {
  const lines: object[] = [{ kind: "epoch", step, ...result }];
  if (measure) {
    const measures = await measure({ ...model, embedder: remembering(model.embedder) });
    const { epoch, phase } = result;
    lines.push({ kind: "measures", step, epoch, phase, measures });
  }
  await appendMetrics(folder, lines);
}

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
  const { config, device, tokenizer } = options;
  const session = await beginSession(options);
  try {
    const embedder = await createEmbedder(device, config, session.state, tokenizer);
    try {
      return await trainSession(options, session, embedder);
    } finally {
      embedder.destroy();
    }
  } finally {
    session.release();
  }
}

/** The epochs that are still to be done. */
async function trainSession(
  options: TrainOptions,
  session: Session,
  embedder: Embedder,
): Promise<TrainedRun> {
  const { config, device, evaluation } = options;
  const { state, stepsInEpoch } = session;
  const subjects = subjectsOf(config, evaluation);
  const followed = followPairs(options.train, evaluation.truth);
  let progress = session.progress;
  let last: Evaluation | undefined;

  while (progress.epoch <= config.epochs) {
    const { seconds, ...reached } = await runEpoch(options, session, embedder, progress);
    if (reached.step < stepsInEpoch) {
      progress = reached;
      await save(session, progress);
      break;
    }
    const done = { ...reached, seconds, stepsRun: stepsInEpoch - progress.step };
    const closed = await closeEpoch(options, session, { embedder, subjects, followed }, done);
    last = closed.last;
    const results = [...reached.results, closed.result];
    progress = { ...reached, epoch: reached.epoch + 1, step: 0, lossSum: 0, results };
    const step = reached.epoch * stepsInEpoch;
    await logEpoch(options, { embedder, state, subjects }, step, closed.result);
    await save(session, progress);
    options.onEpoch?.(closed.result);
  }

  const matches = (await readState(device, { matches: state.matches })).matches.data as Uint32Array;
  const finished = progress.epoch > config.epochs;
  if (finished) last ??= await evaluate(embedder, subjects, evaluation); // no epoch was left
  return { finished, results: progress.results, last, subjects, matches };
}

/** A saved model, ready to be measured. */
export interface LoadedModel {
  readonly state: HeldState;
  readonly tokenizer: Tokenizer;
}

/** Put the model of a saved run on a device. */
export function loadModel(device: Device, { progress, state }: SavedRun): LoadedModel {
  const tokenizer = tokenizerFromJson(progress.tokenizer);
  const like = initState(progress.config, tokenizer.vocabularySize, progress.pairs);
  return { state: hold(device, state(like)), tokenizer };
}
