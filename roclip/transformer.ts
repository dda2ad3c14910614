/**
 * Layers of a transformer with norms before attention and before the perceptron, as both towers of
 * CLIP have them.
 *
 * @see Vaswani et al. 2017, arXiv:1706.03762, §3; Radford et al. 2021, arXiv:2103.00020, §2.4
 */
import {
  fold,
  type HostArray,
  type Key,
  layernorm,
  linear,
  recompute,
  reshape,
  selfAttention,
  type Tensor,
} from "../engine/index.ts";
import { floating } from "../engine/shape.ts";
import { type Affine, filled, type Norm, normal, torchBound, uniform, unitNorm } from "./init.ts";

/** Parameters of one layer. */
export interface Layer<Leaf> {
  readonly norm1: Norm<Leaf>;
  /** Queries, keys and values at once: f32[D, 3 D]. */
  readonly qkv: Affine<Leaf>;
  readonly out: Affine<Leaf>;
  readonly norm2: Norm<Leaf>;
  readonly up: Affine<Leaf>;
  readonly down: Affine<Leaf>;
}

const MLP_RATIO = 4;

function affine(weight: HostArray, bias?: HostArray): Affine<HostArray> {
  return { weight, bias: bias ?? filled([weight.shape[1]!], 0) };
}

/**
 * A layer as OpenAI's text towers begin with.
 *
 * @param biases  draw the biases of the perceptron, as PyTorch does; zeros otherwise
 * @see           openai/CLIP at d05afc43, clip/model.py, initialize_parameters
 */
export function initTextLayer(
  { width, layers }: { readonly width: number; readonly layers: number },
  biases: boolean,
  key: Key,
): Layer<HostArray> {
  const attentionStd = width ** -0.5;
  const projectionStd = attentionStd * (2 * layers) ** -0.5;
  const hidden = MLP_RATIO * width;
  const bias = (to: number, from: number, name: number) =>
    biases ? uniform([to], torchBound(from), fold(key, name)) : filled([to], 0);
  return {
    norm1: unitNorm(width),
    qkv: affine(normal([width, 3 * width], attentionStd, fold(key, 1))),
    out: affine(normal([width, width], projectionStd, fold(key, 2))),
    norm2: unitNorm(width),
    up: affine(normal([width, hidden], (2 * width) ** -0.5, fold(key, 3)), bias(hidden, width, 5)),
    down: affine(normal([hidden, width], projectionStd, fold(key, 4)), bias(width, hidden, 6)),
  };
}

/**
 * A layer as OpenAI's vision transformers begin with: what PyTorch gives every module.
 *
 * @see torch.nn.MultiheadAttention (Glorot's uniform weights, no biases), torch.nn.Linear
 */
export function initVisionLayer(width: number, key: Key): Layer<HostArray> {
  const hidden = MLP_RATIO * width;
  const glorot = Math.sqrt(6 / (width + 3 * width)); // Glorot & Bengio 2010, AISTATS, eq. 16
  const drawn = (from: number, to: number, name: number) =>
    affine(
      uniform([from, to], torchBound(from), fold(key, name)),
      uniform([to], torchBound(from), fold(key, name + 1)),
    );
  return {
    norm1: unitNorm(width),
    qkv: affine(uniform([width, 3 * width], glorot, fold(key, 1))),
    out: affine(uniform([width, width], torchBound(width), fold(key, 2))),
    norm2: unitNorm(width),
    up: drawn(width, hidden, 3),
    down: drawn(hidden, width, 5),
  };
}

/** What is not seen in the parameters of a layer. */
interface LayerChoice {
  readonly heads: number;
  readonly activation: "gelu" | "quickGelu";
  /** Token i sees only the tokens j ≤ i. */
  readonly causal: boolean;
}

/**
 * Layers one after the other.
 *
 * @param x           f32[B, T, D]
 * @param recomputed  so many of the first layers keep only their input for the gradient
 * @returns           f32[B, T, D]
 */
export function applyLayers(
  layers: readonly Layer<Tensor>[],
  x: Tensor,
  choice: LayerChoice,
  recomputed: number,
): Tensor {
  return layers.reduce(
    (y, layer, i) =>
      i < recomputed
        ? recompute((given) => applyLayer(given.layer, given.y, choice), { layer, y })
        : applyLayer(layer, y, choice),
    x,
  );
}

/** One layer; x and what it returns are f32[B, T, D]. */
function applyLayer(
  layer: Layer<Tensor>,
  x: Tensor,
  { heads, activation, causal }: LayerChoice,
): Tensor {
  const [batch, length, width] = x.shape as [number, number, number];
  const kept = floating(layer.qkv.weight); // as products keep what they read
  const normed = layernorm(x, layer.norm1.gain, layer.norm1.bias, { kept });
  const qkv = linear(normed, layer.qkv.weight, layer.qkv.bias);
  const packed = reshape(qkv, [batch, length, 3, heads, width / heads]);
  const attended = reshape(selfAttention(packed, { causal, kept }), x.shape);
  const middle = linear(attended, layer.out.weight, layer.out.bias, { residual: x });
  const again = layernorm(middle, layer.norm2.gain, layer.norm2.bias, { kept });
  const hidden = linear(again, layer.up.weight, layer.up.bias, { activation });
  return linear(hidden, layer.down.weight, layer.down.bias, { residual: middle });
}
