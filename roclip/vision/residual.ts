/**
 * The small image tower: a residual convolutional network, which the demonstration trains.
 *
 * A 3×3 stem of stride 2, average pooling if asked for, stages of basic blocks (two 3×3
 * convolutions and a shortcut), global average pooling and a projection without bias. Every stage
 * after the first doubles the width and halves the image.
 *
 * @see He, Zhang, Ren & Sun 2016, arXiv:1512.03385, §3.3 (blocks), §4.2 (small images)
 */
import {
  averagePool,
  conv2d,
  fold,
  type HostArray,
  type Key,
  linear,
  reshape,
  type Tensor,
} from "../../engine/index.ts";
import { recomputedOf } from "../amount.ts";
import { type Norm, normal, unitNorm } from "../init.ts";
import type { Config } from "../schema.ts";
import {
  applyBlocks,
  block,
  type Normalise,
  unitStatistics,
  type VisionStatistics,
} from "./batchNorm.ts";

interface Block<Leaf> {
  readonly conv1: Leaf;
  readonly norm1: Norm<Leaf>;
  readonly conv2: Leaf;
  readonly norm2: Norm<Leaf>;
  /** Present where the block changes the width or halves the image. */
  readonly shortcut?: { readonly conv: Leaf; readonly norm: Norm<Leaf> };
}

/** Parameters of the tower; convolutions are f32[r, s, c, o]. */
export interface ResidualParams<Leaf> {
  readonly stem: { readonly conv: Leaf; readonly norm: Norm<Leaf> };
  readonly blocks: readonly Block<Leaf>[];
  /** f32[C, E] */
  readonly projection: Leaf;
}

interface BlockShape {
  readonly from: number;
  readonly to: number;
  readonly stride: number;
}

/** Widths and strides of the blocks that a configuration asks for. */
function blockShapes({ width, blocks }: Config["image"]): BlockShape[] {
  return blocks.flatMap((count, stage) => {
    const to = width * 2 ** stage;
    const before = stage === 0 ? width : to / 2;
    return Array.from({ length: count }, (_, i) => ({
      from: i === 0 ? before : to,
      to,
      stride: i === 0 && stage > 0 ? 2 : 1,
    }));
  });
}

const changes = ({ from, to, stride }: BlockShape) => stride > 1 || from !== to;

/** He et al. 2015, arXiv:1502.01852, eq. 10, for the fan-out of a convolution before a ReLU. */
function convolution(size: number, from: number, to: number, key: Key): HostArray {
  return normal([size, size, from, to], Math.sqrt(2 / (size * size * to)), key);
}

function initBlock(shape: BlockShape, key: Key): Block<HostArray> {
  const { from, to } = shape;
  const block = {
    conv1: convolution(3, from, to, fold(key, 1)),
    norm1: unitNorm(to),
    conv2: convolution(3, to, to, fold(key, 2)),
    norm2: unitNorm(to),
  };
  if (!changes(shape)) return block;
  const shortcut = { conv: convolution(1, from, to, fold(key, 3)), norm: unitNorm(to) };
  return { ...block, shortcut };
}

/** Initial parameters and running statistics. */
export function initResidual(
  config: Pick<Config, "image" | "embedding">,
  key: Key,
): { params: ResidualParams<HostArray>; statistics: VisionStatistics<HostArray> } {
  const { width } = config.image;
  const shapes = blockShapes(config.image);
  const top = shapes.at(-1)!.to;
  const norms = [
    width,
    ...shapes.flatMap((shape) =>
      changes(shape) ? [shape.to, shape.to, shape.to] : [shape.to, shape.to],
    ),
  ];
  return {
    params: {
      stem: { conv: convolution(3, 3, width, fold(key, 1)), norm: unitNorm(width) },
      blocks: shapes.map((shape, i) => initBlock(shape, fold(fold(key, 2), i))),
      projection: normal([top, config.embedding], top ** -0.5, fold(key, 3)),
    },
    statistics: unitStatistics(norms),
  };
}

function applyBlock(own: Block<Tensor>, x: Tensor, normalise: Normalise): Tensor {
  const stride = own.shortcut && own.conv1.shape[2] !== own.conv1.shape[3] ? 2 : 1;
  const relu = { activation: "relu" } as const;
  const conv1 = conv2d(x, own.conv1, { stride, padding: 1 });
  const inner = normalise(conv1, own.norm1, relu);
  const residual = own.shortcut
    ? normalise(conv2d(x, own.shortcut.conv, { stride }), own.shortcut.norm)
    : x;
  const conv2 = conv2d(inner, own.conv2, { padding: 1 });
  return normalise(conv2, own.norm2, { ...relu, residual });
}

/** Stem, blocks, pooling, projection. */
export function applyResidual(
  params: ResidualParams<Tensor>,
  images: Tensor,
  { image: { pool }, recompute }: Pick<Config, "image" | "recompute">,
  normalise: Normalise,
): Tensor {
  const stem = block({
    params: params.stem,
    apply({ conv, norm }, pixels, by) {
      const y = by(conv2d(pixels, conv, { stride: 2, padding: 1 }), norm, { activation: "relu" });
      return pool ? averagePool(y, { size: 2, stride: 2 }) : y;
    },
  });
  const blocks = params.blocks.map((own) => block({ params: own, apply: applyBlock }));
  const recomputed = recomputedOf({ recompute }, 1 + blocks.length);
  const x = applyBlocks([stem, ...blocks], images, normalise, recomputed);
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const pooled = averagePool(x, { size: [height, width] });
  return linear(reshape(pooled, [batch, channels]), params.projection);
}
