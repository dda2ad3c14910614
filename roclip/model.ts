/** The two-tower model and the whole state of a training run. */
import {
  type Device,
  describe,
  fold,
  type HostArray,
  hold,
  type Key,
  type LossScale,
  lossScaleInit,
  mapTree,
  type Sharing,
  type Tensor,
} from "../engine/index.ts";
import { rowsFor } from "./amount.ts";
import { filled, normal } from "./init.ts";
import { judges } from "./schedule.ts";
import type { Config } from "./schema.ts";
import { initText, type TextParams } from "./text.ts";
import { initVision, type VisionParams, type VisionStatistics } from "./vision.ts";

/** Trainable parameters. */
export interface Params<Leaf, Image = VisionParams<Leaf>> {
  readonly image: Image;
  readonly text: TextParams<Leaf>;
  /** f32[]: the logarithm of the factor on cosine similarities. */
  readonly logitScale: Leaf;
}

/** A ring of vectors that matching epochs search. */
export interface Pool<Leaf> {
  /** f32[P, E], unit rows, but for those of noise. */
  readonly rows: Leaf;
  /** u32[P]: which training pair each row encodes the caption, or the image, of. */
  readonly ids: Leaf;
  /** u32[2]: the row to be written next; rows filled. */
  readonly cursor: Leaf;
}

/** What evaluation needs of a model. */
export interface Weights<Leaf> {
  readonly params: Params<Leaf>;
  readonly statistics: VisionStatistics<Leaf>;
}

/** Everything that a step reads and updates. */
export interface State<Leaf> extends Weights<Leaf> {
  /** Moving averages of the weights, which evaluation uses; only with `ema`. */
  readonly average?: Weights<Leaf>;
  /** AdamW's moments; of SGD only the first, its momentum. */
  readonly moments: { readonly first: Params<Leaf>; readonly second?: Params<Leaf> };
  readonly pool: Pool<Leaf>;
  /** Images for captions to be matched with, or images; with direction "both", or SafeCLIP. */
  readonly imagePool?: Pool<Leaf>;
  /** u32[N]: the caption that each training pair was last matched to; NO_MATCH before. */
  readonly matches: Leaf;
  /** What the loss is multiplied by for its gradients; only with `precision` "amp". */
  readonly lossScale?: LossScale<Leaf>;
  /**
   * f32[N]: each pair's rank in the pool, averaged over epochs (judge.ts), UNJUDGED before the
   * first; only with `roclip.judge`.
   */
  readonly ranks?: Leaf;
  /** SafeCLIP's split; only of it. */
  readonly safe?: {
    /** u32[N]: 1 where a pair is safe in the epoch under way. */
    readonly pairs: Leaf;
    /** u32[1]: how many were at the first split. */
    readonly first: Leaf;
  };
}

/** The scale's start and bound; Radford et al. 2021, arXiv:2103.00020, §2.5. */
const INITIAL_LOGIT_SCALE = Math.log(1 / 0.07);
export const MAX_LOGIT_SCALE = Math.log(100);

/** The id of "no caption": a pool row of noise, a pair that was never matched. */
export const NO_MATCH = 0xffffffff;

/** The rank of a pair that was not judged yet. */
export const UNJUDGED = -1;

/**
 * Rows of a pool.
 *
 * @param pairs  training pairs
 */
export function poolRows(
  { defence, roclip, safeclip }: Pick<Config, "defence" | "roclip" | "safeclip">,
  pairs: number,
): number {
  return rowsFor(defence === "safeclip" ? safeclip.poolSize : roclip.poolSize, pairs);
}

/** A pool before the first step: empty, or full of noise. */
function initPool(config: Config, pairs: number, key: Key): Pool<HostArray> {
  const size = poolRows(config, pairs);
  const noise = config.roclip.poolStart === "noise";
  const shape = [size, config.embedding];
  return {
    // The authors' noise start is not normalised: the result of `normalize` is thrown away there.
    rows: noise ? normal(shape, 1, key) : filled(shape, 0),
    ids: { shape: [size], data: new Uint32Array(size).fill(NO_MATCH) },
    cursor: { shape: [2], data: Uint32Array.of(0, noise ? size : 0) },
  };
}

/**
 * The state of a run before its first step.
 *
 * @param vocabulary  tokens the tokenizer knows; a model that says how many it has keeps to that,
 *                    unless the vocabulary is compacted
 * @param pairs       training pairs
 */
export function initState(config: Config, vocabulary: number, pairs: number): State<HostArray> {
  const key: Key = fold([config.seed >>> 0, 0], 0x6d6f6465); // "mode", for model
  const { params: image, statistics } = initVision(config, fold(key, 1));
  const { model, compactVocabulary } = config;
  const safeclip = config.defence === "safeclip";
  const rows = model === "small" || compactVocabulary ? vocabulary : model.text_cfg.vocab_size;
  const text = initText(config, rows, fold(key, 2));
  const params = { image, text, logitScale: filled([], INITIAL_LOGIT_SCALE) };
  const zeros = () => mapTree(params, ({ shape }: HostArray) => filled(shape, 0));
  return {
    params,
    statistics,
    ...(config.ema > 0 && { average: { params, statistics } }),
    moments: { first: zeros(), ...(config.optimiser === "adamw" && { second: zeros() }) },
    pool: initPool(config, pairs, fold(key, 3)),
    ...((safeclip || config.roclip.direction === "both") && {
      imagePool: initPool(config, pairs, fold(key, 4)),
    }),
    matches: { shape: [pairs], data: new Uint32Array(pairs).fill(NO_MATCH) },
    ...(config.precision === "amp" && { lossScale: lossScaleInit() }),
    ...(judges(config) && { ranks: filled([pairs], UNJUDGED) }),
    ...(safeclip && {
      safe: {
        pairs: { shape: [pairs], data: new Uint32Array(pairs) },
        first: { shape: [1], data: new Uint32Array(1) },
      },
    }),
  };
}

/** What of a state is the model and its optimiser's: all but what is kept of the pairs. */
export function modelOf<Leaf>(state: State<Leaf>) {
  const { pool: _, imagePool: __, matches: ___, ranks: ____, safe: _____, ...model } = state;
  return model;
}

/** State whose leaves are on the device. */
export type HeldState = State<Tensor>;

/** Parameters, first and second moments share a buffer each, so that a dispatch moves several. */
const sharing: Sharing = (path) => /^(params|moments\.first|moments\.second)\./.exec(path)?.[1];

/** Put a state on the device. */
export function holdState(device: Device, state: State<HostArray>): HeldState {
  return hold(device, state, sharing);
}

/** The tensors of `initState` on no device, its data never made: for outlines of plans. */
export function describeState(config: Config, vocabulary: number, pairs: number): HeldState {
  return describe(initState(config, vocabulary, pairs), sharing);
}
