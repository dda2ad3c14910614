/** The demonstration's model and training step in tfjs, after roclip/vision and text.ts. */
import type { Params } from "../../../roclip/model.ts";
import type { TextParams } from "../../../roclip/text.ts";
import type { ResidualParams } from "../../../roclip/vision/residual.ts";
import type { Tf, TfTensor } from "../engines/tfjsTypes.ts";
import { tfAttention } from "./attention.ts";
import { tfLayernorm } from "./normalise.ts";

type Norm = ResidualParams<TfTensor>["stem"]["norm"];
type Block = ResidualParams<TfTensor>["blocks"][number];
type Layer = TextParams<TfTensor>["layers"][number];

const EPS = 1e-5; // of our batch norm and of torch's
const CHANNELS_KEPT = [0, 1, 2];
const QUICK_GELU = 1.702;

/** What a step reads beside its state. */
export interface Batch<T> {
  readonly images: T;
  readonly tokens: T;
  readonly ends: T;
  readonly mask: T;
}

function batchnorm(tf: Tf, x: TfTensor, { gain, bias }: Norm): TfTensor {
  const centred = tf.sub(x, tf.mean(x, CHANNELS_KEPT, true));
  const rstd = tf.rsqrt(tf.add(tf.mean(tf.square(centred), CHANNELS_KEPT, true), EPS));
  return tf.add(tf.mul(centred, tf.mul(rstd, gain)), bias);
}

function applyBlock(tf: Tf, block: Block, x: TfTensor): TfTensor {
  const { conv1, norm1, conv2, norm2, shortcut } = block;
  const stride = shortcut && conv1.shape[2] !== conv1.shape[3] ? 2 : 1;
  const inner = tf.relu(batchnorm(tf, tf.conv2d(x, conv1, stride, 1), norm1));
  const residual = shortcut
    ? batchnorm(tf, tf.conv2d(x, shortcut.conv, stride, 0), shortcut.norm)
    : x;
  return tf.relu(tf.add(batchnorm(tf, tf.conv2d(inner, conv2, 1, 1), norm2), residual));
}

function imageFeatures(tf: Tf, params: ResidualParams<TfTensor>, images: TfTensor): TfTensor {
  const { stem, blocks, projection } = params;
  const first = tf.relu(batchnorm(tf, tf.conv2d(images, stem.conv, 2, 1), stem.norm));
  let x = tf.avgPool(first, 2, 2, "valid");
  for (const block of blocks) x = applyBlock(tf, block, x);
  return tf.matMul(tf.mean(x, [1, 2]), projection);
}

function linear(tf: Tf, x: TfTensor, { weight, bias }: Layer["qkv"]): TfTensor {
  const rows = tf.matMul(tf.reshape(x, [-1, weight.shape[0]!]), weight);
  return tf.reshape(tf.add(rows, bias), [...x.shape.slice(0, -1), weight.shape[1]!]);
}

function applyLayer(tf: Tf, layer: Layer, x: TfTensor, heads: number, mask: TfTensor): TfTensor {
  const [batch, length, width] = x.shape as [number, number, number];
  const normed = tfLayernorm(tf, x, layer.norm1.gain, layer.norm1.bias);
  const packed = [batch, length, 3, heads, width / heads];
  const qkv = tf.unstack(tf.reshape(linear(tf, normed, layer.qkv), packed), 2);
  const attended = tf.reshape(tfAttention(tf, qkv, mask), x.shape);
  const middle = tf.add(linear(tf, attended, layer.out), x);
  const again = tfLayernorm(tf, middle, layer.norm2.gain, layer.norm2.bias);
  const up = linear(tf, again, layer.up);
  const hidden = tf.mul(up, tf.sigmoid(tf.mul(up, QUICK_GELU)));
  return tf.add(linear(tf, hidden, layer.down), middle);
}

function textFeatures(
  tf: Tf,
  params: TextParams<TfTensor>,
  heads: number,
  { tokens, ends, mask }: Batch<TfTensor>,
): TfTensor {
  let x = tf.add(tf.gather(params.tokens, tokens), params.positions);
  for (const layer of params.layers) x = applyLayer(tf, layer, x, heads, mask);
  const pooled = tf.gather(tf.reshape(x, [-1, x.shape[2]!]), ends);
  const { gain, bias } = params.norm;
  return tf.matMul(tfLayernorm(tf, pooled, gain, bias), params.projection);
}

const unitRows = (tf: Tf, x: TfTensor) => tf.mul(x, tf.rsqrt(tf.sum(tf.square(x), 1, true)));

/** The loss of a plain step. */
export function tfLoss(
  tf: Tf,
  params: Params<TfTensor, ResidualParams<TfTensor>>,
  heads: number,
  batch: Batch<TfTensor>,
): TfTensor {
  const images = unitRows(tf, imageFeatures(tf, params.image, batch.images));
  const texts = unitRows(tf, textFeatures(tf, params.text, heads, batch));
  const scale = tf.exp(params.logitScale);
  const logits = tf.mul(tf.matMul(images, texts, false, true), scale);
  const own = tf.mul(tf.sum(tf.mul(images, texts), 1), scale);
  const both = tf.add(tf.logSumExp(logits, 1), tf.logSumExp(logits, 0));
  return tf.mean(tf.sub(tf.mul(both, 0.5), own));
}
