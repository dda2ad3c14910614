/**
 * CLIP's ResNet: a stem of three convolutions, bottlenecks whose strides are average pooling, and
 * attention in place of global average pooling.
 *
 * Blocks halve the image by pooling before a 1×1 convolution, never by skipping pixels, in the
 * branch as in the shortcut.
 *
 * @see Radford et al. 2021, arXiv:2103.00020, §2.4; He et al. 2018, arXiv:1812.01187, §4.2
 *      (ResNet-D); Zhang 2019, arXiv:1904.11486 (blur before striding); openai/CLIP at d05afc43,
 *      clip/model.py, for what the papers leave open
 */
import {
  add,
  attention,
  averagePool,
  constant,
  conv2d,
  fold,
  gatherRows,
  type HostArray,
  type Key,
  leaves,
  linear,
  matmul,
  repeatRows,
  reshape,
  type Tensor,
} from "../../engine/index.ts";
import { floating } from "../../engine/shape.ts";
import { recomputedOf } from "../amount.ts";
import { type ModelConfig, RESNET_FEATURES, RESNET_STRIDE } from "../architecture.ts";
import { type Affine, filled, type Norm, normal, torchBound, uniform, unitNorm } from "../init.ts";
import type { Config } from "../schema.ts";
import {
  applyBlocks,
  block,
  type Normalise,
  unitStatistics,
  type VisionStatistics,
} from "./batchNorm.ts";

interface Convolution<Leaf> {
  readonly conv: Leaf;
  readonly norm: Norm<Leaf>;
}

/** A block; its fields are in the order in which the tower meets their batch norms. */
interface Bottleneck<Leaf> {
  readonly conv1: Leaf;
  readonly norm1: Norm<Leaf>;
  readonly conv2: Leaf;
  readonly norm2: Norm<Leaf>;
  /** Present where the block changes the width or halves the image. */
  readonly shortcut?: Convolution<Leaf>;
  readonly conv3: Leaf;
  readonly norm3: Norm<Leaf>;
}

interface AttentionPool<Leaf> {
  /** f32[1 + h w, C] */
  readonly positions: Leaf;
  readonly query: Affine<Leaf>;
  readonly key: Affine<Leaf>;
  readonly value: Affine<Leaf>;
  /** To the embedding: f32[C, E]. */
  readonly out: Affine<Leaf>;
}

/** Parameters of the tower; convolutions are f32[r, s, c, o]. */
export interface ResNetParams<Leaf> {
  readonly stem: readonly Convolution<Leaf>[];
  /** Four stages; each after the first halves the image and doubles the width. */
  readonly stages: readonly (readonly Bottleneck<Leaf>[])[];
  readonly attentionPool: AttentionPool<Leaf>;
}

const EXPANSION = 4; // of a block's output over its inner width; He et al. 2016, arXiv:1512.03385

const strideOf = (stage: number, block: number) => (stage > 0 && block === 0 ? 2 : 1);

/** A convolution as PyTorch initialises it. */
function convolution(size: number, from: number, to: number, key: Key): HostArray {
  return uniform([size, size, from, to], torchBound(size * size * from), key);
}

function initBlock(
  { from, width, stride }: { from: number; width: number; stride: number },
  key: Key,
): Bottleneck<HostArray> {
  const to = EXPANSION * width;
  const shortcut = { conv: convolution(1, from, to, fold(key, 4)), norm: unitNorm(to) };
  return {
    conv1: convolution(1, from, width, fold(key, 1)),
    norm1: unitNorm(width),
    conv2: convolution(3, width, width, fold(key, 2)),
    norm2: unitNorm(width),
    ...((stride > 1 || from !== to) && { shortcut }),
    conv3: convolution(1, width, to, fold(key, 3)),
    // Blocks begin as the identity; openai/CLIP, initialize_parameters ("bn3.weight").
    norm3: { gain: filled([to], 0), bias: filled([to], 0) },
  };
}

function initStages(width: number, counts: readonly number[], key: Key): Bottleneck<HostArray>[][] {
  let from = width;
  return counts.map((count, stage) =>
    Array.from({ length: count }, (_, i) => {
      const shape = { from, width: width * 2 ** stage, stride: strideOf(stage, i) };
      from = EXPANSION * shape.width;
      return initBlock(shape, fold(fold(key, stage), i));
    }),
  );
}

function initPool(
  { width, tokens, embedding }: { width: number; tokens: number; embedding: number },
  key: Key,
): AttentionPool<HostArray> {
  const std = width ** -0.5;
  const affine = (to: number, name: number): Affine<HostArray> => ({
    weight: normal([width, to], std, fold(key, name)),
    bias: uniform([to], torchBound(width), fold(key, name + 1)),
  });
  return {
    positions: normal([tokens, width], std, fold(key, 1)),
    query: affine(width, 2),
    key: affine(width, 4),
    value: affine(width, 6),
    out: affine(embedding, 8),
  };
}

/**
 * Initial parameters and running statistics, as openai/CLIP's.
 *
 * @param layers  blocks of each stage
 */
export function initResNet(
  { embed_dim, vision_cfg }: ModelConfig,
  layers: readonly number[],
  key: Key,
): { params: ResNetParams<HostArray>; statistics: VisionStatistics<HostArray> } {
  const { width, image_size } = vision_cfg;
  const half = width / 2;
  const first = (from: number, to: number, name: number) => ({
    conv: convolution(3, from, to, fold(fold(key, 1), name)),
    norm: unitNorm(to),
  });
  const top = RESNET_FEATURES * width;
  const pool = { width: top, tokens: 1 + (image_size / RESNET_STRIDE) ** 2, embedding: embed_dim };
  const params = {
    stem: [first(3, half, 1), first(half, half, 2), first(half, width, 3)],
    stages: initStages(width, layers, fold(key, 2)),
    attentionPool: initPool(pool, fold(key, 3)),
  };
  const gains = leaves<HostArray>(params).filter(([path]) => path.endsWith(".gain"));
  return { params, statistics: unitStatistics(gains.map(([, { shape }]) => shape[0]!)) };
}

function applyBlock(
  own: Bottleneck<Tensor>,
  x: Tensor,
  stride: 1 | 2,
  normalise: Normalise,
): Tensor {
  const relu = { activation: "relu" } as const;
  const shrink = (y: Tensor) => (stride === 1 ? y : averagePool(y, { size: stride }));
  const narrow = normalise(conv2d(x, own.conv1), own.norm1, relu);
  const inner = normalise(conv2d(narrow, own.conv2, { padding: 1 }), own.norm2, relu);
  const residual = own.shortcut
    ? normalise(conv2d(shrink(x), own.shortcut.conv), own.shortcut.norm)
    : x;
  return normalise(conv2d(shrink(inner), own.conv3), own.norm3, { ...relu, residual });
}

/** Three convolutions, the first of stride 2, and pooling by two. */
function applyStem(
  stem: readonly Convolution<Tensor>[],
  images: Tensor,
  normalise: Normalise,
): Tensor {
  const last = stem.reduce((x, { conv, norm }, i) => {
    const convolved = conv2d(x, conv, { stride: i === 0 ? 2 : 1, padding: 1 });
    return normalise(convolved, norm, { activation: "relu" });
  }, images);
  return averagePool(last, { size: 2 });
}

/**
 * Pool an image by attention: the query is its mean, keys and values are the mean and all pixels.
 *
 * @param x  f32[B, h, w, C]
 * @returns  f32[B, E]
 */
function attentionPool(pool: AttentionPool<Tensor>, x: Tensor, headWidth: number): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const pixels = height * width;
  const tokens = pixels + 1;
  const toHeads = (y: Tensor, count: number) =>
    reshape(y, [batch, count, channels / headWidth, headWidth]);
  // The mean before the pixels is a linear map of the pixels, small beside what follows.
  const rows = Float32Array.from({ length: tokens * pixels }, (_, i) => {
    return i < pixels ? 1 / pixels : Math.floor(i / pixels) === (i % pixels) + 1 ? 1 : 0;
  });
  const map = repeatRows(constant(rows, [tokens, pixels]), [batch, tokens, pixels]);
  const all = add(matmul(map, reshape(x, [batch, pixels, channels])), pool.positions);
  const firsts = constant(Uint32Array.from({ length: batch }, (_, i) => i * tokens));
  const mean = gatherRows(reshape(all, [batch * tokens, channels]), firsts);
  const attended = attention(
    toHeads(linear(mean, pool.query.weight, pool.query.bias), 1),
    toHeads(linear(all, pool.key.weight, pool.key.bias), tokens),
    toHeads(linear(all, pool.value.weight, pool.value.bias), tokens),
    { kept: floating(pool.key.weight) },
  );
  return linear(reshape(attended, [batch, channels]), pool.out.weight, pool.out.bias);
}

/**
 * Image features.
 *
 * @param images     f32[B, h, w, 3], normalised
 * @param config     width of a head of the attention pool; which blocks are computed again
 * @returns          f32[B, E], not of unit length
 */
export function applyResNet(
  params: ResNetParams<Tensor>,
  images: Tensor,
  config: { readonly headWidth: number } & Pick<Config, "recompute">,
  normalise: Normalise,
): Tensor {
  const stem = block({ params: params.stem, apply: applyStem });
  const blocks = params.stages.flatMap((stage, number) =>
    stage.map((own, i) => {
      const stride = strideOf(number, i);
      return block({ params: own, apply: (given, y, by) => applyBlock(given, y, stride, by) });
    }),
  );
  const recomputed = recomputedOf(config, 1 + blocks.length);
  const x = applyBlocks([stem, ...blocks], images, normalise, recomputed);
  return attentionPool(params.attentionPool, x, config.headWidth);
}
