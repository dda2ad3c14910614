/**
 * The text tower: CLIP's causal transformer with end-of-text pooling.
 *
 * @see Radford et al. 2021, arXiv:2103.00020, §2.4; initialisation as in openai/CLIP at d05afc43
 *      (clip/model.py, initialize_parameters)
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
  selfAttention,
  type Tensor,
} from "../engine/index.ts";
import { filled, type Norm, normal, unitNorm } from "./init.ts";
import type { Config } from "./schema.ts";

interface Affine<Leaf> {
  /** f32[in, out] */
  readonly weight: Leaf;
  readonly bias: Leaf;
}
interface Layer<Leaf> {
  readonly norm1: Norm<Leaf>;
  /** Queries, keys and values at once: f32[D, 3 D]. */
  readonly qkv: Affine<Leaf>;
  readonly out: Affine<Leaf>;
  readonly norm2: Norm<Leaf>;
  readonly up: Affine<Leaf>;
  readonly down: Affine<Leaf>;
}

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
const MLP_RATIO = 4;

function affine(from: number, to: number, std: number, key: Key): Affine<HostArray> {
  return { weight: normal([from, to], std, key), bias: filled([to], 0) };
}

function initLayer({ width, layers }: Config["text"], key: Key): Layer<HostArray> {
  const attentionStd = width ** -0.5;
  const projectionStd = attentionStd * (2 * layers) ** -0.5;
  const hidden = MLP_RATIO * width;
  return {
    norm1: unitNorm(width),
    qkv: affine(width, 3 * width, attentionStd, fold(key, 1)),
    out: affine(width, width, projectionStd, fold(key, 2)),
    norm2: unitNorm(width),
    up: affine(width, hidden, (2 * width) ** -0.5, fold(key, 3)),
    down: affine(hidden, width, projectionStd, fold(key, 4)),
  };
}

/** Initial parameters of the text tower. */
export function initText(
  config: Pick<Config, "text" | "contextLength" | "embedding">,
  vocabulary: number,
  key: Key,
): TextParams<HostArray> {
  const { width, layers } = config.text;
  return {
    tokens: normal([vocabulary, width], TOKEN_STD, fold(key, 1)),
    positions: normal([config.contextLength, width], POSITION_STD, fold(key, 2)),
    layers: Array.from({ length: layers }, (_, i) => initLayer(config.text, fold(fold(key, 3), i))),
    norm: unitNorm(width),
    projection: normal([width, config.embedding], width ** -0.5, fold(key, 4)),
  };
}

function applyLayer(layer: Layer<Tensor>, x: Tensor, heads: number): Tensor {
  const [batch, length, width] = x.shape as [number, number, number];
  const normed = layernorm(x, layer.norm1.gain, layer.norm1.bias);
  const qkv = linear(normed, layer.qkv.weight, layer.qkv.bias);
  const packed = reshape(qkv, [batch, length, 3, heads, width / heads]);
  const attended = reshape(selfAttention(packed, { causal: true }), x.shape);
  const middle = add(linear(attended, layer.out.weight, layer.out.bias), x);
  const again = layernorm(middle, layer.norm2.gain, layer.norm2.bias);
  const hidden = linear(again, layer.up.weight, layer.up.bias, "quickGelu");
  return add(linear(hidden, layer.down.weight, layer.down.bias), middle);
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
  heads: number,
  ids: Tensor,
  ends: Tensor,
): Tensor {
  let x = add(gatherRows(params.tokens, ids), params.positions);
  for (const layer of params.layers) x = applyLayer(layer, x, heads);
  const [batch, length, width] = x.shape as [number, number, number];
  // Layer norm acts on each token alone, so pooling first gives the same and costs T times less.
  const pooled = gatherRows(reshape(x, [batch * length, width]), ends);
  return linear(layernorm(pooled, params.norm.gain, params.norm.bias), params.projection);
}
