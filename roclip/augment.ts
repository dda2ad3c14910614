/**
 * What is drawn at random for the augmentation of each image: torchvision's distributions, by key.
 * The images are changed on the GPU (`engine/ops/augment.ts`).
 */
import {
  COLOUR_CHANGES,
  DRAW,
  DRAWS,
  fold,
  type Key,
  type Stream,
  stream,
} from "../engine/index.ts";

export { DRAWS };

/** Distributions of the augmentation. */
export interface AugmentConfig {
  /** Area of the crop as a share of the image: least and most. */
  readonly cropScale: readonly [number, number];
  /** Width over height of the crop: least and most; uniform in the logarithm. */
  readonly cropRatio: readonly [number, number];
  /** Probability of a horizontal flip. */
  readonly flip: number;
  /** The factor is uniform in [max(0, 1 − brightness), 1 + brightness]. */
  readonly brightness: number;
  /** Likewise. */
  readonly contrast: number;
  /** Likewise. */
  readonly saturation: number;
  /** The shift, in turns, is uniform in [−hue, hue]. */
  readonly hue: number;
  /** Probability that brightness, contrast, saturation and hue are changed, in random order. */
  readonly jitterProbability: number;
  /** Probability of turning gray. */
  readonly grayscale: number;
  /** Standard deviation of the blur, in pixels *of an image of 224*: least and most. */
  readonly blurSigma: readonly [number, number];
  /** Width of the blur's kernel as a share of the side of the image. */
  readonly blurKernel: number;
}

/** Side in pixels of the authors' images, at which their blur is stated. */
const PAPER_SIDE = 224;

/**
 * The paper's augmentation (Yang, Gao & Mirzasoleiman 2023, arXiv:2303.06854), with the numbers of
 * its authors' code: github.com/BigML-CS-UCLA/RoCLIP at f34a929.
 */
export const AUGMENT_DEFAULTS: AugmentConfig = {
  cropScale: [0.08, 1], // authors: RandomResizedCrop; torchvision's default
  cropRatio: [3 / 4, 4 / 3], // torchvision's default
  flip: 0.5, // authors: RandomHorizontalFlip; torchvision's default
  brightness: 0.5, // authors: ColorJitter(0.5, 0.5, 0.5, 0.1)
  contrast: 0.5,
  saturation: 0.5,
  hue: 0.1,
  jitterProbability: 0.8, // authors: RandomApply([ColorJitter], p=0.8)
  grayscale: 0.2, // authors: RandomGrayscale(p=0.2)
  blurSigma: [0.1, 2], // authors: GaussianBlur(21); torchvision's default
  blurKernel: 21 / PAPER_SIDE,
};

const CROP_TRIES = 10; // torchvision 0.14.1, RandomResizedCrop.get_params

const between = (draws: Stream, [low, high]: readonly [number, number]) =>
  low + (high - low) * draws.uniform();

/** A crop box in whole pixels: top, left, height, width. */
type Box = readonly [number, number, number, number];

/** torchvision's RandomResizedCrop.get_params for a square source. */
function drawBox({ cropScale, cropRatio }: AugmentConfig, source: number, draws: Stream): Box {
  const [narrow, wide] = cropRatio;
  for (let tries = 0; tries < CROP_TRIES; tries++) {
    const area = source * source * between(draws, cropScale);
    const ratio = Math.exp(between(draws, [Math.log(narrow), Math.log(wide)]));
    const width = Math.round(Math.sqrt(area * ratio));
    const height = Math.round(Math.sqrt(area / ratio));
    if (width > 0 && height > 0 && width <= source && height <= source)
      return [draws.below(source - height + 1), draws.below(source - width + 1), height, width];
  }
  // The largest box in the middle whose ratio is allowed.
  const width = wide < 1 ? Math.round(source * wide) : source;
  const height = narrow > 1 ? Math.round(source / narrow) : source;
  return [Math.floor((source - height) / 2), Math.floor((source - width) / 2), height, width];
}

/** The factor range of ColorJitter. */
const around = (strength: number) => [Math.max(0, 1 - strength), 1 + strength] as const;

/**
 * The draw of one image.
 *
 * @param key         the image's own
 * @param sourceSize  side of the image before augmentation, in pixels
 * @returns           f32[15], laid out as DRAW
 */
export function drawOne(config: AugmentConfig, key: Key, sourceSize: number): Float32Array {
  const draws = stream(key);
  const draw = new Float32Array(DRAWS);
  draw.set(drawBox(config, sourceSize, draws), DRAW.top);
  draw[DRAW.flip] = draws.uniform() < config.flip ? 1 : 0;
  const jitter = draws.uniform() < config.jitterProbability;
  draw.set(draws.permutation(COLOUR_CHANGES.length), DRAW.order);
  for (const change of ["brightness", "contrast", "saturation"] as const) {
    const factor = between(draws, around(config[change]));
    draw[DRAW[change]] = jitter ? factor : 1;
  }
  const hue = between(draws, [-config.hue, config.hue]);
  draw[DRAW.hue] = jitter ? hue : 0;
  draw[DRAW.grayscale] = draws.uniform() < config.grayscale ? 1 : 0;
  draw[DRAW.sigma] = between(draws, config.blurSigma) / PAPER_SIDE;
  return draw;
}

/**
 * What is drawn for each image of a batch. Row i depends on `key` and i alone, so any can be made
 * again: `drawOne(config, fold(key, i), sourceSize)`.
 *
 * The blur's σ is kept as a share of the side, so that it scales with the image as its kernel
 * does: an image of 32 pixels is blurred as one of 224 is that is then made smaller. At 32 pixels
 * that is σ from 0.01 to 0.29 pixels, hardly visible; a blur of 2 pixels there needs blurSigma 14.
 * Our choice: the authors have images of 224 pixels only. (With σ left alone at 32 pixels, the
 * kernel of 3 would cut the Gaussian to a box.)
 *
 * @param config      distributions
 * @param key         of the batch: fold the run's key with the step
 * @param count       B images
 * @param sourceSize  side of the images before augmentation, in pixels
 * @returns           f32[B, 15], laid out as DRAW
 * @see               torchvision 0.14.1, transforms: RandomResizedCrop, ColorJitter, GaussianBlur
 */
export function drawAugmentation(
  config: AugmentConfig,
  key: Key,
  count: number,
  sourceSize: number,
): Float32Array {
  const all = new Float32Array(count * DRAWS);
  for (let i = 0; i < count; i++) all.set(drawOne(config, fold(key, i), sourceSize), i * DRAWS);
  return all;
}

/**
 * Draws that change nothing: the whole image, its colours, no blur.
 *
 * @param count       B images
 * @param sourceSize  side of the images before augmentation, in pixels
 * @returns           f32[B, 15], laid out as DRAW
 */
export function identityDraws(count: number, sourceSize: number): Float32Array {
  const all = new Float32Array(count * DRAWS);
  for (let at = 0; at < all.length; at += DRAWS) {
    all.set([0, 0, sourceSize, sourceSize], at + DRAW.top);
    all.set([0, 1, 2, 3], at + DRAW.order);
    for (const factor of ["brightness", "contrast", "saturation"] as const)
      all[at + DRAW[factor]] = 1;
  }
  return all;
}
