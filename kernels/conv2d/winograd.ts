/** The parts of a convolution by Winograd's F(4 × 4, 3 × 3) that are not products of matrices. */
import { defineKernel, spread, WORD_BYTES } from "../kernel.ts";

/** Edge of a tile of results. */
export const TILE = 4;

/** Points at which tiles and kernels are multiplied: TILE + 2 both ways. */
export const POINTS = 36;

// Multiplications and additions of 1D transforms (kernels/lib/winograd.wgsl)
const PIXELS_FLOPS = 22; // of six lines, then of six
const TAPS_FLOPS = 15; // of three, then of six
const SUMS_FLOPS = 16; // of six, then of four

const tiled = {
  h: "u32",
  w: "u32",
  c: "u32",
  down: "u32",
  across: "u32",
  first: "u32",
  tiles: "u32",
} as const;

type Tiled = { readonly [K in keyof typeof tiled]: number };

const WG = [64, 256] as const;

const grid = ({ tiles, c, WG }: Tiled & { readonly WG: number }) =>
  spread(Math.ceil((tiles * c) / WG));

/** The tiles' own pixels, each once, and their points. */
const bytesOf = ({ h, w, c, down, across, tiles }: Tiled) =>
  WORD_BYTES * tiles * c * ((h * w) / (down * across) + POINTS);

export const winogradFilter = defineKernel({
  name: "conv2d_winograd_filter",
  source: new URL("./conv2d_winograd_filter.wgsl", import.meta.url),
  uses: ["index", "winograd"],
  bindings: { weight: "read", u: "write" },
  params: { pairs: "u32" },
  consts: { WG },
  options: { FLIP: [0, 1] },
  grid: ({ pairs, WG }) => spread(Math.ceil(pairs / WG)),
  cost: ({ pairs }) => ({
    flops: 9 * TAPS_FLOPS * pairs,
    bytes: WORD_BYTES * (9 + POINTS) * pairs,
  }),
});

export const winogradInput = defineKernel({
  name: "conv2d_winograd_input",
  source: new URL("./conv2d_winograd_input.wgsl", import.meta.url),
  uses: ["index", "winograd"],
  bindings: { x: "read", v: "write" },
  params: tiled,
  consts: { WG },
  grid,
  cost: (args) => ({ flops: 12 * PIXELS_FLOPS * args.tiles * args.c, bytes: bytesOf(args) }),
});

export const winogradOutput = defineKernel({
  name: "conv2d_winograd_output",
  source: new URL("./conv2d_winograd_output.wgsl", import.meta.url),
  uses: ["index", "winograd"],
  bindings: { m: "read", y: "update" },
  params: tiled,
  consts: { WG },
  grid,
  cost: (args) => ({ flops: 10 * SUMS_FLOPS * args.tiles * args.c, bytes: bytesOf(args) }),
});
