import { augment, DRAW, DRAWS, normalise } from "../../engine/ops/augment.ts";
import type { Stream } from "../../engine/random.ts";
import { type Array64, array64, type Case, defineCase } from "../case.ts";

type Operands = "images" | "draws";
/** An image by row, column and channel. */
type Image = number[][][];

const MEAN = [0.48145466, 0.4578275, 0.40821073];
const STD = [0.26862954, 0.26130258, 0.27577711];

const square = (side: number, pixel: (row: number, column: number) => number[]): Image =>
  Array.from({ length: side }, (_, r) => Array.from({ length: side }, (_, c) => pixel(r, c)));
const clamp = (x: number) => Math.min(1, Math.max(0, x));
const luma = ([r, g, b]: number[]) => 0.2989 * r! + 0.587 * g! + 0.114 * b!;
const mix = (a: number[], b: number, factor: number) =>
  a.map((v) => clamp(factor * v + (1 - factor) * b));

function unpack(images: Array64, index: number, side: number): Image {
  const words = images.shape[1]!;
  const byte = (n: number) =>
    Math.floor(images.data[index * words + Math.floor(n / 4)]! / 256 ** (n % 4)) % 256;
  return square(side, (r, c) => [0, 1, 2].map((k) => byte(3 * (side * r + c) + k) / 255));
}

/** What each pixel of a stretch weighs in one output pixel: a triangle, cut and scaled. */
function weights(length: number, size: number, place: number): number[] {
  const centre = ((place + 0.5) * length) / size;
  const width = Math.max(1, length / size);
  const all = Array.from({ length }, (_, p) => Math.max(0, 1 - Math.abs(p + 0.5 - centre) / width));
  const sum = all.reduce((a, b) => a + b);
  return all.map((w) => w / sum);
}

function cropped(image: Image, size: number, draw: ArrayLike<number>): Image {
  const [top, left, height, width] = [draw[0]!, draw[1]!, draw[2]!, draw[3]!];
  const box = image.slice(top, top + height).map((row) => row.slice(left, left + width));
  const out = square(size, (r, c) => {
    const across = weights(width, size, c);
    return [0, 1, 2].map((k) =>
      weights(height, size, r).reduce(
        (sum, w, p) => sum + (w && w * box[p]!.reduce((s, px, q) => s + across[q]! * px[k]!, 0)),
        0,
      ),
    );
  });
  return draw[DRAW.flip] ? out.map((row) => row.toReversed()) : out;
}

/** The textbook way: to HSV by the largest channel, and back by the sector of the hue. */
function turned([r, g, b]: number[], turns: number): number[] {
  const v = Math.max(r!, g!, b!);
  const chroma = v - Math.min(r!, g!, b!);
  if (chroma === 0) return [r!, g!, b!];
  const h =
    v === r ? (g! - b!) / chroma : v === g ? 2 + (b! - r!) / chroma : 4 + (r! - g!) / chroma;
  const sixths = (((h / 6 + turns) % 1) + 1) % 1;
  const sector = Math.floor(sixths * 6);
  const f = sixths * 6 - sector;
  const s = chroma / v;
  const [p, q, t] = [v * (1 - s), v * (1 - s * f), v * (1 - s * (1 - f))];
  return [
    [v, t, p],
    [q, v, p],
    [p, v, t],
    [p, q, v],
    [t, p, v],
    [v, p, q],
  ][sector % 6]!;
}

function coloured(image: Image, draw: ArrayLike<number>): Image {
  let now = image;
  for (let k = 0; k < 4; k++) {
    const which = draw[DRAW.order + k]!;
    const amount = draw[DRAW.brightness + which]!;
    const pixels = now.flat();
    const mean = pixels.reduce((sum, px) => sum + luma(px), 0) / pixels.length;
    const change = (px: number[]) => {
      if (which === 3) return turned(px, amount);
      return mix(px, which === 0 ? 0 : which === 1 ? mean : luma(px), amount);
    };
    now = now.map((row) => row.map(change));
  }
  const gray = (px: number[]) => px.map(() => luma(px));
  return draw[DRAW.grayscale] ? now.map((row) => row.map(gray)) : now;
}

function blurred(image: Image, taps: number, sigma: number): Image {
  if (sigma === 0) return image;
  const radius = (taps - 1) / 2;
  const kernel = Array.from({ length: taps }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
  );
  const sum = kernel.reduce((a, b) => a + b);
  const n = image.length;
  const inside = (i: number) => (i < 0 ? -i : i >= n ? 2 * n - 2 - i : i);
  const at = (r: number, c: number, k: number) => image[inside(r)]![inside(c)]![k]!;
  const around = (r: number, c: number, k: number) => {
    let total = 0;
    for (let i = 0; i < taps; i++)
      for (let j = 0; j < taps; j++)
        total += kernel[i]! * kernel[j]! * at(r + i - radius, c + j - radius, k);
    return total / sum ** 2;
  };
  return square(n, (r, c) => [0, 1, 2].map((k) => around(r, c, k)));
}

const flat = (images: Image[]) =>
  images.flat(2).flatMap((px) => px.map((v, c) => (v - MEAN[c]!) / STD[c]!));

const sideOf = (words: number) => Math.floor(Math.sqrt((4 * words) / 3));
const words = (side: number) => Math.ceil((3 * side * side) / 4);

const NOTHING = [0, 1, 2, 3, 1, 1, 1, 0, 0, 0]; // order, factors, hue, grayscale, sigma

/** Draws that try each change alone, then all in changing order. */
function trialDraws([count]: readonly number[], side: number, draws: Stream): Float32Array {
  const between = (low: number, high: number) => low + (high - low) * draws.uniform();
  const whole = [0, 0, side, side, 0];
  const box = (height: number, width: number) => [
    draws.below(side - height + 1),
    draws.below(side - width + 1),
    height,
    width,
  ];
  const alone = (place: number, value: number) => NOTHING.with(place - DRAW.order, value);
  const all = () => [
    ...box(1 + draws.below(side), 1 + draws.below(side)),
    draws.below(2),
    ...draws.permutation(4),
    ...[between(0.5, 1.5), between(0.5, 1.5), between(0.5, 1.5), between(-0.1, 0.1)],
    ...[draws.below(5) === 0 ? 1 : 0, between(0, 0.1)],
  ];
  const rows = [
    [...whole, ...NOTHING],
    [...whole.with(4, 1), ...NOTHING],
    [...box(side, 1), 0, ...NOTHING],
    [...box(1, side - 1), 1, ...NOTHING],
    [...whole, ...alone(DRAW.brightness, 1.4)],
    [...whole, ...alone(DRAW.contrast, 1.5)],
    [...whole, ...alone(DRAW.saturation, 0.5)],
    [...whole, ...alone(DRAW.hue, -0.1)],
    [...whole, ...alone(DRAW.hue, 0.5)],
    [...whole, ...alone(DRAW.grayscale, 1)],
    [...whole, ...alone(DRAW.sigma, 0.1)],
    [...whole, ...alone(DRAW.sigma, 1e-4)],
  ];
  while (rows.length < count!) rows.push(all());
  return Float32Array.from(rows.slice(0, count).flat());
}

/** The op at one output size; the side of the source is told by the words of an image. */
const augmentCase = (
  size: number,
  taps: number,
  batches: [count: number, source: number][],
  bench: Case<Operands>["bench"] = {},
) =>
  defineCase<Operands>({
    run: ({ images, draws }) =>
      augment(images, draws, {
        size,
        source: sideOf(images.shape[1]!),
        blurKernel: taps / size,
      }),
    reference({ images, draws }) {
      const all = Array.from({ length: images.shape[0]! }, (_, i) => {
        const draw = draws.data.subarray(i * DRAWS, (i + 1) * DRAWS);
        const crop = cropped(unpack(images, i, sideOf(images.shape[1]!)), size, draw);
        return blurred(coloured(crop, draw), taps, draw[DRAW.sigma]! * size);
      });
      const values = flat(all);
      return array64([all.length, size, size, 3], (i) => values[i]!);
    },
    shapes: batches.map(([B, S]) => ({ images: [B, words(S)], draws: [B, DRAWS] })),
    rejects: [
      { images: [2, words(size) + 1], draws: [2, DRAWS] },
      { images: [2, words(size)], draws: [3, DRAWS] },
      { images: [2, words(size)], draws: [2, DRAWS - 1] },
    ],
    data: {
      images: (shape, draws) =>
        Uint32Array.from({ length: shape[0]! * shape[1]! }, () => draws.u32()),
      draws: (shape, draws, { images }) => trialDraws(shape, sideOf(images[1]!), draws),
    },
    differentiable: [],
    tolerance: { relative: 5e-6, why: "about 20 roundings in a row; a hue is 6 times as exact" },
    bench,
  });

export const to8 = augmentCase(8, 3, [
  [1, 1],
  [20, 8],
  [14, 33],
]);
export const to16 = augmentCase(16, 5, [
  [3, 8],
  [16, 33],
]);
export const to32 = augmentCase(32, 3, [[13, 32]], {
  "demo, batch 128": { images: [128, words(32)], draws: [128, DRAWS] },
});
export const to33 = augmentCase(33, 21, [[14, 16]]); // taps reflected at both ends of a line

export const bytes = defineCase<"images">({
  run: ({ images }) => normalise(images, { size: sideOf(images.shape[1]!) }),
  reference({ images }) {
    const [B, W] = images.shape as [number, number];
    const side = sideOf(W);
    const values = flat(Array.from({ length: B }, (_, i) => unpack(images, i, side)));
    return array64([B, side, side, 3], (i) => values[i]!);
  },
  shapes: [{ images: [1, words(1)] }, { images: [3, words(33)] }, { images: [5, words(16)] }],
  rejects: [{ images: [2, words(16) + 1] }, { images: [words(16)] }],
  data: {
    images: (shape, draws) => Uint32Array.from({ length: shape[0]! * shape[1]! }, draws.u32),
  },
  differentiable: [],
  tolerance: { relative: 1e-6, why: "a division, a difference and a division" },
  bench: { "demo, batch 128": { images: [128, words(32)] } },
});
