import { cast } from "../../engine/ops/cast.ts";
import { type Conv2dOptions, conv2d } from "../../engine/ops/conv2d.ts";
import { type Array64, array64, defineCase } from "../case.ts";
import { halves } from "../halves.ts";

/** The correlation with plain loops over every output, tap and channel. */
function reference(x: Array64, weight: Array64, { stride = 1, padding = 0 }: Conv2dOptions) {
  const [B, h, w, c] = x.shape as [number, number, number, number];
  const [r, s, , o] = weight.shape as [number, number, number, number];
  const hOut = Math.floor((h + 2 * padding - r) / stride) + 1;
  const wOut = Math.floor((w + 2 * padding - s) / stride) + 1;
  const y = array64([B, hOut, wOut, o]);
  const term = (b: number, i: number, j: number, k: number, u: number, v: number, n: number) => {
    const [yy, xx] = [i * stride + u - padding, j * stride + v - padding];
    if (yy < 0 || yy >= h || xx < 0 || xx >= w) return 0;
    return x.data[((b * h + yy) * w + xx) * c + k]! * weight.data[((u * s + v) * c + k) * o + n]!;
  };
  for (let place = 0; place < y.data.length; place++) {
    const n = place % o;
    const j = Math.floor(place / o) % wOut;
    const i = Math.floor(place / (o * wOut)) % hOut;
    const b = Math.floor(place / (o * wOut * hOut));
    for (let u = 0; u < r; u++)
      for (let v = 0; v < s; v++)
        for (let k = 0; k < c; k++) y.data[place]! += term(b, i, j, k, u, v, n);
  }
  return y;
}

const TOLERANCE = {
  relative: 2e-6,
  why: "f32 sums over ≤ 600 terms; errors of sums grow as √terms",
};

const withOptions = (options: Conv2dOptions) => ({
  run: ({ x, weight }: Record<"x" | "weight", Parameters<typeof conv2d>[0]>) =>
    conv2d(x, weight, options),
  reference: ({ x, weight }: Record<"x" | "weight", Array64>) => reference(x, weight, options),
  tolerance: TOLERANCE,
});

export const same = defineCase<"x" | "weight">({
  ...withOptions({ padding: 1, winograd: false }),
  shapes: [
    { x: [1, 1, 1, 1], weight: [3, 3, 1, 1] },
    { x: [2, 17, 16, 1], weight: [3, 3, 1, 2] } /* pixels split in two parts */,
    { x: [2, 4, 5, 3], weight: [3, 3, 3, 33] } /* beyond a tile of channels */,
  ],
  rejects: [
    { x: [1, 4, 4, 3], weight: [3, 3, 2, 4] },
    { x: [1, 4, 4, 3], weight: [7, 3, 3, 4] },
    { x: [4, 4, 3], weight: [3, 3, 3, 4] },
  ],
  bench: {
    "stem, batch 128": { x: [128, 32, 32, 3], weight: [3, 3, 3, 16] },
    "16 × 16, 32 channels, batch 128": { x: [128, 16, 16, 32], weight: [3, 3, 32, 32] },
    "8 × 8, 64 channels, batch 128": { x: [128, 8, 8, 64], weight: [3, 3, 64, 64] },
    "4 × 4, 128 channels, batch 128": { x: [128, 4, 4, 128], weight: [3, 3, 128, 128] },
    "28 × 28, 128 channels, batch 4": { x: [4, 28, 28, 128], weight: [3, 3, 128, 128] },
  },
});

export const winograd = defineCase<"x" | "weight">({
  ...withOptions({ padding: 1, winograd: true }),
  tolerance: {
    relative: 6e-6,
    why:
      "what is rounded at the points, by 3 units in the last place or so, has up to 8.8 times the " +
      "share in a result (kernels/lib/winograd.wgsl), 1.6e-6 of it; the worst of thousands is four such",
  },
  shapes: [
    { x: [1, 1, 1, 1], weight: [3, 3, 1, 1] },
    { x: [2, 4, 8, 3], weight: [3, 3, 3, 33] } /* whole tiles */,
    { x: [2, 13, 7, 5], weight: [3, 3, 5, 3] } /* one pixel of a tile, three of one */,
    { x: [3, 9, 10, 8], weight: [3, 3, 8, 12] },
  ],
  bench: {
    "8 × 8, 64 channels, batch 128": { x: [128, 8, 8, 64], weight: [3, 3, 64, 64] },
    "4 × 4, 128 channels, batch 128": { x: [128, 4, 4, 128], weight: [3, 3, 128, 128] },
    "28 × 28, 128 channels, batch 4": { x: [4, 28, 28, 128], weight: [3, 3, 128, 128] },
  },
});

/** Channels that let whole blocks be loaded, and more pixels than any tile has. */
export const quads = defineCase<"x" | "weight">({
  ...withOptions({ padding: 1 }),
  shapes: [{ x: [3, 9, 7, 8], weight: [3, 3, 8, 12] }],
});

export const halvedQuads = defineCase<"x" | "weight">({
  ...withOptions({ stride: 2, padding: 1 }),
  shapes: [{ x: [9, 8, 9, 8], weight: [3, 3, 8, 12] }],
});

/** Small images, whose tiles hold one place or two of many images. */
export const small = defineCase<"x" | "weight">({
  ...withOptions({ padding: 1 }),
  shapes: [
    { x: [35, 1, 1, 3], weight: [3, 3, 3, 5] },
    { x: [70, 2, 2, 4], weight: [3, 3, 4, 8] } /* tiles across places */,
  ],
});

export const halved = defineCase<"x" | "weight">({
  ...withOptions({ stride: 2, padding: 1 }),
  shapes: [
    { x: [1, 1, 2, 1], weight: [3, 3, 1, 1] },
    { x: [3, 6, 4, 2], weight: [3, 3, 2, 3] },
    { x: [2, 7, 5, 5], weight: [4, 3, 5, 2] } /* odd sizes, an even kernel */,
  ],
  bench: {
    "stem, batch 128": { x: [128, 32, 32, 3], weight: [3, 3, 3, 32] },
    "16 × 16, 16 channels to 32, batch 128": { x: [128, 16, 16, 16], weight: [3, 3, 16, 32] },
    "8 × 8, 32 channels to 64, batch 128": { x: [128, 8, 8, 32], weight: [3, 3, 32, 64] },
  },
});

export const valid = defineCase<"x" | "weight">({
  ...withOptions({}),
  shapes: [
    { x: [2, 3, 4, 5], weight: [1, 1, 5, 3] } /* a product of matrices */,
    { x: [2, 5, 4, 3], weight: [2, 4, 3, 2] },
  ],
});

export const shortcut = defineCase<"x" | "weight">({
  ...withOptions({ stride: 2 }),
  shapes: [{ x: [2, 5, 6, 3], weight: [1, 1, 3, 4] } /* most pixels meet no tap */],
  bench: {
    "16 × 16, 16 channels to 32, batch 128": { x: [128, 16, 16, 16], weight: [1, 1, 16, 32] },
  },
});

/** Operands of f16, whose products f32 holds: only cotangents are rounded to f16. */
const ofHalves = (options: Conv2dOptions) => ({
  ...withOptions(options),
  run: ({ x, weight }: Record<"x" | "weight", Parameters<typeof conv2d>[0]>) =>
    conv2d(x, cast(weight, "f16"), options),
  data: { x: halves, weight: halves },
  tolerance: { ...TOLERANCE, gradient: 1e-3 }, // 2⁻¹⁰ in each cotangent
});

export const half = defineCase<"x" | "weight">({
  ...ofHalves({ padding: 1 }),
  shapes: [
    { x: [2, 4, 5, 3], weight: [3, 3, 3, 33] },
    { x: [3, 9, 7, 8], weight: [3, 3, 8, 12] } /* whole blocks */,
  ],
  bench: {
    "16 × 16, 32 channels, batch 128, f16": { x: [128, 16, 16, 32], weight: [3, 3, 32, 32] },
  },
});

export const halfHalved = defineCase<"x" | "weight">({
  ...ofHalves({ stride: 2, padding: 1 }),
  shapes: [{ x: [3, 7, 5, 5], weight: [4, 3, 5, 2] }],
});
