import { CLIP_STD } from "../../engine/ops/augment.ts";
import { fold, type Key, stream } from "../../engine/random.ts";
import { PATTERN, toBytes } from "./pixels.ts";

/** What a patch shows. */
export type PatchKind = "checker" | "stripes" | "yellow" | "noise";

const LEAST_PATCH = 2; // pixels: a checkerboard needs two cells a side
const CELLS = 4; // cells a side where the patch is wide enough; ours, no source gives a number
const NOISE = 1; // fold of PATTERN
const YELLOW = [255, 255, 0]; // authors' attack: red and green 1, blue 0

/** Side of the patch in pixels: `patch` of the image side, rounded, and at least 2. */
export function patchPixels(size: number, patch: number): number {
  return Math.min(size, Math.max(LEAST_PATCH, Math.round(patch * size)));
}

/** Mean of each channel of an image: f64[3], in bytes. */
function channelMeans(image: Uint8Array): number[] {
  const sums = [0, 0, 0];
  for (const [at, value] of image.entries()) sums[at % 3]! += value;
  return sums.map((sum) => sum / (image.length / 3));
}

/**
 * Image mean + N(0, 1) in the units that the model sees, (x − mean) / std: in bytes the mean of the
 * image's channel + 255 std N(0, 1). The draws are those of the pattern, the same on every image.
 */
function noisePatch(image: Uint8Array, side: number): Uint8Array {
  const means = channelMeans(image);
  const { normal } = stream(fold(PATTERN, NOISE));
  const values = Float64Array.from({ length: side * side * 3 }, (_, at) => {
    return means[at % 3]! + 255 * CLIP_STD[at % 3]! * normal();
  });
  return toBytes(values);
}

/** The pixels of a patch: u8[side, side, 3]. */
function patchImage(kind: PatchKind, image: Uint8Array, side: number): Uint8Array {
  if (kind === "noise") return noisePatch(image, side);
  const cell = Math.max(1, Math.floor(side / CELLS));
  const pixels = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const band = Math.floor(x / cell) + (kind === "checker" ? Math.floor(y / cell) : 0);
      const grey = band % 2 === 0 ? 255 : 0;
      pixels.set(kind === "yellow" ? YELLOW : [grey, grey, grey], (y * side + x) * 3);
    }
  }
  return pixels;
}

/**
 * An image with a square patch on it, wholly inside (BadNets).
 *
 * checker and stripes (vertical) are black and white with cells of a quarter of the patch; yellow
 * is one colour; noise is the image's mean + N(0, 1) in normalised units, a fixed pattern.
 *
 * @param image  u8[size, size, 3]; left as it is
 * @param size   image side in pixels
 * @param patch  what it shows; its side as a share of the image side, see patchPixels; where:
 *               "random", or "fixed" for the bottom right corner
 * @param key    key of the random place
 * @returns      u8[size, size, 3]
 * @see          Gu, Dolan-Gavitt & Garg 2017, arXiv:1708.06733 (pattern backdoor)
 */
export function applyPatch(
  image: Uint8Array,
  size: number,
  patch: {
    readonly kind: PatchKind;
    readonly patch: number;
    readonly place: "random" | "fixed";
  },
  key: Key,
): Uint8Array {
  const side = patchPixels(size, patch.patch);
  const { below } = stream(key);
  const free = size - side;
  const [left, top] = patch.place === "fixed" ? [free, free] : [below(free + 1), below(free + 1)];
  const pixels = patchImage(patch.kind, image, side);
  const triggered = new Uint8Array(image); // not slice(): that of a Node Buffer shares its memory
  for (let y = 0; y < side; y++) {
    const row = pixels.subarray(y * side * 3, (y + 1) * side * 3);
    triggered.set(row, ((top + y) * size + left) * 3);
  }
  return triggered;
}
