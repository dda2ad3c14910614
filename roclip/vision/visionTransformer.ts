/**
 * CLIP's vision transformer: patches and a class token, a norm before the layers and one after.
 *
 * @see Dosovitskiy et al. 2021, arXiv:2010.11929, §3.1; Radford et al. 2021, arXiv:2103.00020,
 *      §2.4 (the norm before the layers); openai/CLIP at d05afc43, clip/model.py
 */
import {
  add,
  constant,
  fold,
  gatherRows,
  type HostArray,
  type Key,
  layernorm,
  linear,
  reshape,
  type Tensor,
} from "../../engine/index.ts";
import type { ModelConfig } from "../architecture.ts";
import { type Norm, normal, torchBound, uniform, unitNorm } from "../init.ts";
import { applyLayers, initVisionLayer, type Layer } from "../transformer.ts";

/** Parameters of the tower. */
export interface VisionTransformerParams<Leaf> {
  /** f32[r, s, 3, D]: a convolution whose stride is its size. */
  readonly patches: Leaf;
  /** f32[D] */
  readonly classToken: Leaf;
  /** f32[T, D]; the class token's is the first. */
  readonly positions: Leaf;
  readonly normBefore: Norm<Leaf>;
  readonly layers: readonly Layer<Leaf>[];
  readonly normAfter: Norm<Leaf>;
  /** f32[D, E] */
  readonly projection: Leaf;
}

const CHANNELS = 3; // red, green, blue
const NONE = 0xffffffff; // a row that no table has: gatherRows gives zeros

/**
 * Initial parameters, as openai/CLIP's.
 *
 * @param layers  how many
 */
export function initVisionTransformer(
  { embed_dim, vision_cfg }: ModelConfig,
  layers: number,
  key: Key,
): VisionTransformerParams<HostArray> {
  const { width, image_size } = vision_cfg;
  const size = vision_cfg.patch_size!; // the schema requires one
  const std = width ** -0.5;
  const tokens = 1 + (image_size / size) ** 2;
  const inputs = size * size * CHANNELS;
  return {
    patches: uniform([size, size, CHANNELS, width], torchBound(inputs), fold(key, 1)),
    classToken: normal([width], std, fold(key, 2)),
    positions: normal([tokens, width], std, fold(key, 3)),
    normBefore: unitNorm(width),
    layers: Array.from({ length: layers }, (_, i) => initVisionLayer(width, fold(fold(key, 4), i))),
    normAfter: unitNorm(width),
    projection: normal([width, embed_dim], std, fold(key, 5)),
  };
}

/** Images as a grid of patches. */
interface Grid {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  /** Side of a patch in pixels. */
  readonly size: number;
}

/**
 * Where the lines of every token's patch lie among those of all images, which are `size` pixels
 * wide; the class token has none.
 *
 * @returns  u32[B · T · size]
 */
function patchLines({ batch, rows, columns, size }: Grid): Uint32Array {
  const tokens = 1 + rows * columns;
  const lines = new Uint32Array(batch * tokens * size).fill(NONE);
  for (let image = 0; image < batch; image++)
    for (let patch = 0; patch < rows * columns; patch++) {
      const top = (image * rows + Math.floor(patch / columns)) * size;
      const at = (image * tokens + 1 + patch) * size;
      for (let line = 0; line < size; line++)
        lines[at + line] = (top + line) * columns + (patch % columns);
    }
  return lines;
}

/**
 * The patches of images, each a row of its pixels, and before them a row of zeros.
 *
 * @param images  f32[B, h, w, 3]
 * @param size    side of a patch in pixels
 * @returns       f32[B, T, size · size · 3]
 */
function patchesOf(images: Tensor, size: number): Tensor {
  const [batch, height, width] = images.shape as [number, number, number];
  const grid = { batch, rows: height / size, columns: width / size, size };
  const tokens = 1 + grid.rows * grid.columns;
  const table = reshape(images, [batch * height * grid.columns, size * CHANNELS]);
  const lines = gatherRows(table, constant(patchLines(grid), [batch, tokens, size]));
  return reshape(lines, [batch, tokens, size * size * CHANNELS]);
}

/**
 * Image features.
 *
 * @param images      f32[B, h, w, 3], normalised
 * @param recomputed  so many of the first layers keep only their input for the gradient
 * @returns           f32[B, E], not of unit length
 */
export function applyVisionTransformer(
  params: VisionTransformerParams<Tensor>,
  images: Tensor,
  choice: { readonly heads: number; readonly activation: "gelu" | "quickGelu" },
  recomputed: number,
): Tensor {
  const [size, , , width] = params.patches.shape as [number, number, number, number];
  // A matrix product of patches, which reads four numbers at once, where a convolution with so few
  // channels would read one. The zeros of the class token's row stay zeros: there is no bias.
  const filters = reshape(params.patches, [size * size * CHANNELS, width]);
  const patches = linear(patchesOf(images, size), filters);
  const [batch, tokens] = patches.shape as [number, number, number];
  const first = Uint32Array.from({ length: tokens }, (_, i) => (i === 0 ? 0 : NONE));
  const classToken = gatherRows(reshape(params.classToken, [1, width]), constant(first));
  const placed = add(patches, add(classToken, params.positions));
  const normed = layernorm(placed, params.normBefore.gain, params.normBefore.bias);
  const x = applyLayers(params.layers, normed, { ...choice, causal: false }, recomputed);
  const firsts = constant(Uint32Array.from({ length: batch }, (_, i) => i * tokens));
  const pooled = gatherRows(reshape(x, [batch * tokens, width]), firsts);
  return linear(layernorm(pooled, params.normAfter.gain, params.normAfter.bias), params.projection);
}
