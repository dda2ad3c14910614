import { augmentBlur, augmentCrop, augmentNormalise } from "../../kernels/augment/augment.ts";
import { launch, type Tensor } from "../graph.ts";
import { match, type Operand, shapeError } from "../shape.ts";

/** One value for red, green and blue. */
export type Rgb = readonly [number, number, number];

/** Mean of CLIP's training images: openai/CLIP clip/clip.py at 3bee281, Normalize. */
const CLIP_MEAN: Rgb = [0.48145466, 0.4578275, 0.40821073];
/** Their standard deviation; likewise. */
export const CLIP_STD: Rgb = [0.26862954, 0.26130258, 0.27577711];

const CHANNELS = 3;
const BYTES_PER_WORD = 4;
/** Width of the blur's kernel as a share of the side: RoCLIP's authors' code at f34a929. */
const BLUR_KERNEL = 21 / 224;
const LEAST_TAPS = 3; // of the blur; a kernel of 1 would blur nothing

/** Where each value of an image's draw stands in its row of `draws`. */
export const DRAW = {
  /** Of the crop box, in whole pixels of the source; as the next three. */
  top: 0,
  left: 1,
  height: 2,
  width: 3,
  /** 1 to mirror left and right. */
  flip: 4,
  /** The numbers of COLOUR_CHANGES, in the order the changes are made; four places. */
  order: 5,
  /** Factors, torchvision's; 1 changes nothing. */
  brightness: 9,
  contrast: 10,
  saturation: 11,
  /** Turns; 0 changes nothing. */
  hue: 12,
  /** 1 to make the image gray. */
  grayscale: 13,
  /** Of the blur, as a share of the side of the image; 0 changes nothing. */
  sigma: 14,
} as const;

/** How many values are drawn for an image. */
export const DRAWS = 15;

/** The changes of colour; the place in this list is the number in a draw. */
export const COLOUR_CHANGES = ["brightness", "contrast", "saturation", "hue"] as const;

/** What images are normalised by; CLIP's when left out. */
export interface Normalisation {
  readonly mean?: Rgb;
  readonly std?: Rgb;
}

/** How images are augmented, besides what is drawn for each. */
export interface AugmentOptions extends Normalisation {
  /** Side of the images made, in pixels. */
  readonly size: number;
  /** Side of the images given, in pixels; `size` when left out. */
  readonly source?: number;
  /** Width of the blur's kernel as a share of the side; 21/224 when left out. */
  readonly blurKernel?: number;
}

/** Taps on each side of the middle one, of the odd number nearest to `share` of the side. */
function blurRadius(share: number, size: number): number {
  return (Math.max(LEAST_TAPS, 2 * Math.round((share * size - 1) / 2) + 1) - 1) / 2;
}

function checkWords(op: string, side: number, operands: Record<string, Operand>, W: number): void {
  const words = Math.ceil((CHANNELS * side * side) / BYTES_PER_WORD);
  if (W !== words)
    throw shapeError(
      op,
      `W must be ${words}, the words of ${side}×${side} RGB pixels, but is ${W}`,
      operands,
    );
}

function normalisationParams({ mean = CLIP_MEAN, std = CLIP_STD }: Normalisation) {
  const [mean_r, mean_g, mean_b] = mean;
  const [std_r, std_g, std_b] = std;
  return { mean_r, mean_g, mean_b, std_r, std_g, std_b };
}

/**
 * Augment images as drawn: crop and resize, mirror, jitter colours, make gray, blur, normalise;
 * each as torchvision does it with float images. Not differentiable.
 *
 * @param images   u32[B, W] RGB bytes packed by fours, the lowest first; each image begins a word
 * @param draws    f32[B, 15] what was drawn for each image, laid out as DRAW
 * @param options  sides in pixels; the blur's width; mean and std by which to normalise
 * @returns        f32[B, h, w, 3], h = w = options.size
 * @throws         ShapeError unless W = ⌈3 · source² / 4⌉ and the blur's kernel is less than twice
 *                 the size (its border is a reflection)
 * @see            torchvision 0.14.1, transforms: RandomResizedCrop, ColorJitter, RandomGrayscale,
 *                 GaussianBlur, Normalize
 */
export function augment(images: Tensor, draws: Tensor, options: AugmentOptions): Tensor {
  const { size, source = size, blurKernel = BLUR_KERNEL } = options;
  const operands = {
    images: [images, "B W", "u32"],
    draws: [draws, `B ${DRAWS}`],
  } as const satisfies Record<string, Operand>;
  const { B, W } = match("augment", operands);
  checkWords("augment", source, operands, W);
  const radius = blurRadius(blurKernel, size);
  if (!(radius < size)) {
    const taps = `the blur's ${2 * radius + 1} taps must be less than twice the size, ${size}`;
    throw shapeError("augment", taps, operands);
  }
  const square = [B, size, size];
  const box = { batch: B, words: W, source, size };
  const cropped = launch(augmentCrop, box, { images, draws }, { y: [...square, CHANNELS] });
  const params = { batch: B, size, radius, ...normalisationParams(options) };
  return launch(augmentBlur, params, { draws, y: cropped.y }, { half: [...square, 4] }).y;
}

/**
 * Images as they are, from bytes to normalised numbers: what evaluation uses. Not differentiable.
 *
 * @param images   u32[B, W] RGB bytes packed by fours, the lowest first; each image begins a word
 * @param options  side of the images in pixels; mean and std by which to normalise
 * @returns        f32[B, h, w, 3], h = w = options.size
 * @throws         ShapeError unless W = ⌈3 · size² / 4⌉
 * @see            Radford et al. 2021, arXiv:2103.00020; openai/CLIP clip/clip.py at 3bee281
 */
export function normalise(
  images: Tensor,
  options: Normalisation & { readonly size: number },
): Tensor {
  const operands = { images: [images, "B W", "u32"] } as const satisfies Record<string, Operand>;
  const { B, W } = match("normalise", operands);
  const { size } = options;
  checkWords("normalise", size, operands, W);
  const params = { batch: B, words: W, pixels: size * size, ...normalisationParams(options) };
  return launch(augmentNormalise, params, { images }, { y: [B, size, size, CHANNELS] }).y;
}
