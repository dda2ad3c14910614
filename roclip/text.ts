/**
 * The text tower: CLIP's causal transformer with end-of-text pooling.
 *
 * @see Radford et al. 2021, arXiv:2103.00020, §2.4; initialisation as in openai/CLIP at d05afc43
 *      (clip/model.py, initialize_parameters), but for the perceptrons' biases of the small model,
 *      which begin at zero
 */
import {
  add,
  fold,
  gatherRows,
  type HostArray,
  type Key,
  layernorm,
  linear,
  reshape,
  type Tensor,
} from "../engine/index.ts";
import { recomputedOf } from "./amount.ts";
import { activationOf } from "./architecture.ts";
import { type Norm, normal, unitNorm } from "./init.ts";
import type { Config } from "./schema.ts";
import { applyLayers, initTextLayer, type Layer } from "./transformer.ts";

/** Parameters of the tower. */
export interface TextParams<Leaf> {
  /** f32[V, D] */
  readonly tokens: Leaf;
  /** f32[T, D] */
  readonly positions: Leaf;
  readonly layers: readonly Layer<Leaf>[];
  readonly norm: Norm<Leaf>;
  /** f32[D, E] */
  readonly projection: Leaf;
}

const TOKEN_STD = 0.02; // openai/CLIP, initialize_parameters
const POSITION_STD = 0.01;

/**
 * Initial parameters of the text tower.
 *
 * @param vocabulary  tokens the tokenizer knows
 */
export function initText(
  config: Pick<Config, "model" | "text" | "contextLength" | "embedding">,
  vocabulary: number,
  key: Key,
): TextParams<HostArray> {
  const { width, layers } = config.text;
  const biases = config.model !== "small";
  return {
    tokens: normal([vocabulary, width], TOKEN_STD, fold(key, 1)),
    positions: normal([config.contextLength, width], POSITION_STD, fold(key, 2)),
    layers: Array.from({ length: layers }, (_, i) =>
      initTextLayer(config.text, biases, fold(fold(key, 3), i)),
    ),
    norm: unitNorm(width),
    projection: normal([width, config.embedding], width ** -0.5, fold(key, 4)),
  };
}

/**
 * Text features.
 *
 * @param ids   u32[B, T] tokens
 * @param ends  u32[B] place of each caption's end-of-text token in the B · T tokens
 * @returns     f32[B, E], not of unit length
 */
export function textFeatures(
  params: TextParams<Tensor>,
  config: Pick<Config, "model" | "text" | "recompute">,
  ids: Tensor,
  ends: Tensor,
): Tensor {
  const choice = {
    heads: config.text.heads,
    activation: activationOf(config.model),
    causal: true,
  };
  const embedded = add(gatherRows(params.tokens, ids), params.positions);
  const recomputed = recomputedOf(config, params.layers.length);
  const x = applyLayers(params.layers, embedded, choice, recomputed);
  const [batch, length, width] = x.shape as [number, number, number];
  // Layer norm acts on each token alone, so pooling first gives the same and costs T times less.
  const pooled = gatherRows(reshape(x, [batch * length, width]), ends);
  return linear(layernorm(pooled, params.norm.gain, params.norm.bias), params.projection);
}
