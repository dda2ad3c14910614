import { defineKernel, narrowSubgroups, spread, WORD_BYTES } from "../kernel.ts";

const CHANNELS = 3;
const PIXEL_BYTES = CHANNELS * WORD_BYTES;
/** Bytes of a pixel blurred along the rows: red, green, blue and an unused f32. */
const HALF_BYTES = 4 * WORD_BYTES;

/** Per-channel mean and standard deviation, as parameters. */
const normalisation = {
  mean_r: "f32",
  mean_g: "f32",
  mean_b: "f32",
  std_r: "f32",
  std_g: "f32",
  std_b: "f32",
} as const;

export const augmentCrop = defineKernel({
  name: "augment_crop",
  source: new URL("./augment_crop.wgsl", import.meta.url),
  uses: ["index", "draw", "resize", "rgb_bytes", "colour", "workgroup_sum"],
  bindings: { images: "read", draws: "read", y: "write" },
  params: { batch: "u32", words: "u32", source: "u32", size: "u32" },
  consts: { WG: [64, 128, 256] },
  reorders: ["WG"],
  grid: ({ batch }) => spread(batch),
  // Four taps (10 each) and four changes (20 each) a pixel, where the box is not shrunk.
  cost: ({ batch, words, size }) => ({
    flops: 120 * batch * size * size,
    bytes: batch * (WORD_BYTES * words + 3 * PIXEL_BYTES * size * size),
  }),
});

export const augmentBlur = defineKernel({
  name: "augment_blur",
  source: new URL("./augment_blur.wgsl", import.meta.url),
  uses: ["index", "draw"],
  bindings: { draws: "read", y: "update", half: "write" },
  params: { batch: "u32", size: "u32", radius: "u32", ...normalisation },
  consts: { WG: [64, 128, 256] },
  // A CPU runs a workgroup's subgroups in turns up to each barrier, which one alone need not.
  subgroups: narrowSubgroups((size) => ({ uses: ["index", "draw"], consts: { WG: [size, 64] } })),
  grid: ({ batch }) => spread(batch),
  cost: ({ batch, size, radius }) => ({
    flops: 2 * CHANNELS * (3 * radius + 2) * batch * size * size,
    bytes: 2 * (PIXEL_BYTES + HALF_BYTES) * batch * size * size,
  }),
});

export const augmentNormalise = defineKernel({
  name: "augment_normalise",
  source: new URL("./augment_normalise.wgsl", import.meta.url),
  uses: ["index", "rgb_bytes"],
  bindings: { images: "read", y: "write" },
  params: { batch: "u32", words: "u32", pixels: "u32", ...normalisation },
  consts: { WG: [64, 128, 256] },
  grid: ({ batch, pixels, WG }) => spread(Math.ceil((batch * pixels) / WG)),
  cost: ({ batch, words, pixels }) => ({
    flops: 2 * CHANNELS * batch * pixels,
    bytes: WORD_BYTES * batch * (words + CHANNELS * pixels),
  }),
});
