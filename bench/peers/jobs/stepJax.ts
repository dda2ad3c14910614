/** The demonstration's model and training step in jax-js, after roclip/vision and text.ts. */
import type { Params } from "../../../roclip/model.ts";
import type { TextParams } from "../../../roclip/text.ts";
import type { ResidualParams } from "../../../roclip/vision/residual.ts";
import type { Jax, JaxArray } from "../engines/jaxTypes.ts";
import { jaxAttention } from "./attention.ts";
import { jaxConv } from "./conv2d.ts";
import { jaxLayernorm } from "./normalise.ts";
import type { Batch } from "./stepTfjs.ts";

type Norm = ResidualParams<JaxArray>["stem"]["norm"];
type Block = ResidualParams<JaxArray>["blocks"][number];
type Layer = TextParams<JaxArray>["layers"][number];

const EPS = 1e-5; // of our batch norm and of torch's
const CHANNELS_KEPT = [0, 1, 2];
const QUICK_GELU = 1.702;

function batchnorm({ numpy: np }: Jax, x: JaxArray, { gain, bias }: Norm): JaxArray {
  const centred = np.subtract(x.ref, np.mean(x, CHANNELS_KEPT));
  const variance = np.mean(np.square(centred.ref), CHANNELS_KEPT);
  const factor = np.trueDivide(gain, np.sqrt(np.add(variance, EPS)));
  return np.add(np.multiply(centred, factor), bias);
}

function applyBlock(jax: Jax, block: Block, x: JaxArray): JaxArray {
  const { numpy: np, nn } = jax;
  const { conv1, norm1, conv2, norm2, shortcut } = block;
  const stride = shortcut && conv1.shape[2] !== conv1.shape[3] ? 2 : 1;
  const conv = (padding: number, stride = 1) => jaxConv(jax, { stride, padding });
  const inner = nn.relu(batchnorm(jax, conv(1, stride)(x.ref, conv1), norm1));
  const residual = shortcut ? batchnorm(jax, conv(0, stride)(x, shortcut.conv), shortcut.norm) : x;
  return nn.relu(np.add(batchnorm(jax, conv(1)(inner, conv2), norm2), residual));
}

function averagePool({ numpy: np }: Jax, x: JaxArray): JaxArray {
  const [B, h, w, c] = x.shape as [number, number, number, number];
  return np.mean(np.reshape(x, [B, h / 2, 2, w / 2, 2, c]), [2, 4]);
}

function imageFeatures(jax: Jax, params: ResidualParams<JaxArray>, images: JaxArray): JaxArray {
  const { stem, blocks, projection } = params;
  const convolved = jaxConv(jax, { stride: 2, padding: 1 })(images, stem.conv);
  let x = averagePool(jax, jax.nn.relu(batchnorm(jax, convolved, stem.norm)));
  for (const block of blocks) x = applyBlock(jax, block, x);
  return jax.numpy.matmul(jax.numpy.mean(x, [1, 2]), projection);
}

const linear = ({ numpy: np }: Jax, x: JaxArray, { weight, bias }: Layer["qkv"]) =>
  np.add(np.matmul(x, weight), bias);

function applyLayer(jax: Jax, layer: Layer, x: JaxArray, heads: number, mask: JaxArray): JaxArray {
  const { numpy: np, nn } = jax;
  const [batch, length, width] = x.shape as [number, number, number];
  const normed = jaxLayernorm(jax, x.ref, layer.norm1.gain, layer.norm1.bias);
  const apart = [batch, length, heads, width / heads];
  const qkv = np.split(linear(jax, normed, layer.qkv), 3, 2).map((part) => np.reshape(part, apart));
  const attended = np.reshape(jaxAttention(jax, qkv, mask), [batch, length, width]);
  const middle = np.add(linear(jax, attended, layer.out), x);
  const again = jaxLayernorm(jax, middle.ref, layer.norm2.gain, layer.norm2.bias);
  const up = linear(jax, again, layer.up);
  const hidden = np.multiply(up.ref, nn.sigmoid(np.multiply(up, QUICK_GELU)));
  return np.add(linear(jax, hidden, layer.down), middle);
}

function textFeatures(
  jax: Jax,
  params: TextParams<JaxArray>,
  heads: number,
  { tokens, ends, mask }: Batch<JaxArray>,
): JaxArray {
  const { numpy: np } = jax;
  let x = np.add(np.take(params.tokens, tokens, 0), params.positions);
  for (const layer of params.layers) x = applyLayer(jax, layer, x, heads, mask.ref);
  const [batch, length, width] = x.shape as [number, number, number];
  const pooled = np.take(np.reshape(x, [batch * length, width]), ends, 0);
  const { gain, bias } = params.norm;
  return np.matmul(jaxLayernorm(jax, pooled, gain, bias), params.projection);
}

function unitRows({ numpy: np }: Jax, x: JaxArray): JaxArray {
  const squares = np.sum(np.square(x.ref), 1, { keepdims: true });
  return np.trueDivide(x, np.sqrt(squares));
}

/** The loss of a plain step. */
export function jaxLoss(
  jax: Jax,
  params: Params<JaxArray, ResidualParams<JaxArray>>,
  heads: number,
  batch: Batch<JaxArray>,
): JaxArray {
  const { numpy: np, nn } = jax;
  const images = unitRows(jax, imageFeatures(jax, params.image, batch.images));
  const texts = unitRows(jax, textFeatures(jax, params.text, heads, batch));
  const scale = np.exp(params.logitScale);
  const products = np.matmul(images.ref, np.transpose(texts.ref, [1, 0]));
  const logits = np.multiply(products, scale.ref);
  const own = np.multiply(np.sum(np.multiply(images, texts), 1), scale);
  const both = np.add(nn.logsumexp(logits.ref, 1), nn.logsumexp(logits, 0));
  return np.mean(np.subtract(np.multiply(both, 0.5), own));
}
