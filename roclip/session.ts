/** A run under way: its state on the device and its plans. */
import {
  compile,
  type Device,
  type HostArray,
  hold,
  leaves,
  overwrite,
  type Plan,
  type Program,
  release,
  type Tensor,
} from "../engine/index.ts";
import { cleanRows } from "./baselines/cleanclip.ts";
import { allCaptions, stepsPerEpoch } from "./batches.ts";
import type { Dataset } from "./data/dataset.ts";
import { UserError } from "./errors.ts";
import type { EvaluationData } from "./evaluate.ts";
import { type Captions, needsCaptions } from "./match.ts";
import { type Fit, fitMemory } from "./memory.ts";
import { type HeldState, holdState, initState, modelOf, poolRows, type State } from "./model.ts";
import type { Chosen } from "./order.ts";
import { readPretrained } from "./pretrained.ts";
import { inTurns, type PlanKind, programOf } from "./programs.ts";
import { type Progress, readRun, trimMetrics } from "./runFolder.ts";
import { sideTrained } from "./schedule.ts";
import type { Config } from "./schema.ts";
import { sidesOf } from "./sides.ts";
import type { Source } from "./source.ts";
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
  /** Told what `memory` of the configuration came to. */
  readonly onFit?: (fit: Fit) => void;
}

/** A run under way: its state on the device and its plans. */
export interface Session {
  readonly options: SessionOptions;
  readonly stepsInEpoch: number;
  readonly state: HeldState;
  /** Those that do not take turns with the one asked for are freed. */
  readonly plan: (kind: PlanKind) => Promise<Plan>;
  /** The pairs that the defence trains on. */
  readonly chosen: Chosen;
  /** Begin the model anew, as the run began it; what is known of the pairs stays. */
  readonly restart: () => Promise<void>;
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
 * The plans of a run. Those that take turns are in memory together (inTurns), others are freed:
 * kernels stay compiled, so that building a plan anew is quick.
 */
function plansOf(device: Device, make: (kind: PlanKind) => Program) {
  const built = new Map<PlanKind, Plan>();
  const freeUnless = (kept: (kind: PlanKind) => boolean) => {
    for (const [kind, plan] of built)
      if (!kept(kind)) {
        plan.destroy();
        built.delete(kind);
      }
  };
  const plan = async (kind: PlanKind): Promise<Plan> => {
    freeUnless((other) => other === kind || inTurns(other, kind));
    const plan = built.get(kind) ?? (await compile(device, make(kind)));
    built.set(kind, plan);
    return plan;
  };
  return { plan, free: () => freeUnless(() => false) };
}

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
function requireVocabulary(config: Config, { vocabularySize }: Tokenizer): void {
  const { model, compactVocabulary } = config;
  if (model === "small" || compactVocabulary || vocabularySize <= model.text_cfg.vocab_size) return;
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
  const state: HeldState = holdState(device, host);
  const captions = heldCaptions(options);
  const { plan, free } = plansOf(device, (kind) => programOf(kind, { config, state, captions }));
  return {
    ...{ options, stepsInEpoch, state, plan, progress },
    chosen: chosenOf(options),
    restart: async () => {
      const begun = modelOf(await initialState({ ...options, resume: false }, config));
      const data = leaves<HostArray>(begun).map(([, leaf]) => leaf.data);
      leaves<Tensor>(modelOf(state)).forEach(([, leaf], i) => {
        overwrite(device, leaf, data[i]!);
      });
    },
    release: () => {
      free();
      release(device, { state, ...captions });
    },
  };
}

/** The state of a run that begins: drawn, or of pretrained weights. */
async function initialState(
  { train, tokenizer, resume }: SessionOptions,
  config: Config,
): Promise<State<HostArray>> {
  const drawn = initState(config, tokenizer.vocabularySize, train.captions.length);
  return config.pretrained === "" || resume
    ? drawn
    : { ...drawn, ...(await readPretrained(config, drawn)) };
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

/** The pairs that the defence trains on. */
function chosenOf({ config, train, evaluation }: SessionOptions): Chosen {
  if (config.defence === "cleanclip")
    return { clean: cleanRows(config, train.captions.length, evaluation.truth) };
  return sideTrained(config, 1) === undefined ? {} : { sides: sidesOf(config, train) };
}

/** The training captions on the device, where matching steps encode them anew. */
function heldCaptions({ config, device, train, tokenizer }: SessionOptions): Captions | undefined {
  if (!needsCaptions(config)) return undefined;
  return hold(device, allCaptions(tokenizer, train, config.contextLength));
}
