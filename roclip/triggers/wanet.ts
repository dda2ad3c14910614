import { fold, stream } from "../../engine/random.ts";
import { PATTERN, toBytes } from "./pixels.ts";

const FIELD = 3; // fold of PATTERN
const STRENGTH = 1; // s; half a pixel on average

/**
 * The warping field: for each pixel a shift along x and one along y, U(−1, 1) over the mean of
 * their magnitudes.
 *
 * WaNet draws k × k shifts and up-samples them bicubically, corners aligned. The attack on CLIP has
 * k = 224 at 224 px, so k is the image side here, and up-sampling from k to k changes nothing.
 *
 * @returns  f64[size, size, 2]
 */
function warpingField(size: number): Float64Array {
  const { uniform } = stream(fold(PATTERN, FIELD));
  const field = Float64Array.from({ length: size * size * 2 }, () => 2 * uniform() - 1);
  const mean = field.reduce((sum, value) => sum + Math.abs(value), 0) / field.length;
  return field.map((value) => value / mean);
}

/** Bilinear sample of channel `c` at (x, y) in [0, size − 1]. */
function sample(image: Uint8Array, size: number, x: number, y: number, c: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, bottom] = [Math.min(size - 1, left + 1), Math.min(size - 1, top + 1)];
  const at = (row: number, column: number) => image[(row * size + column) * 3 + c]!;
  const upper = at(top, left) * (1 - (x - left)) + at(top, right) * (x - left);
  const lower = at(bottom, left) * (1 - (x - left)) + at(bottom, right) * (x - left);
  return upper * (1 - (y - top)) + lower * (y - top);
}

/**
 * An image warped by a fixed field (WaNet): k the image side, s = 1.
 *
 * Coordinates run from −1 to 1 between the centres of the corner pixels; a pixel is read at its
 * place + s · field / size, clipped to [−1, 1], with bilinear weights.
 *
 * @param image  u8[size, size, 3]; left as it is
 * @param size   image side in pixels
 * @returns      u8[size, size, 3]
 * @see          Nguyen & Tran 2021, arXiv:2102.10369, §3.2
 */
export function applyWanet(image: Uint8Array, size: number): Uint8Array {
  const field = warpingField(size);
  const half = (size - 1) / 2; // pixels in one unit of the coordinates
  const place = (pixel: number, shift: number) => {
    return Math.min(size - 1, Math.max(0, pixel + ((STRENGTH * shift) / size) * half));
  };
  const values = Float64Array.from({ length: size * size * 3 }, (_, at) => {
    const pixel = Math.floor(at / 3);
    const x = place(pixel % size, field[pixel * 2]!);
    const y = place(Math.floor(pixel / size), field[pixel * 2 + 1]!);
    return sample(image, size, x, y, at % 3);
  });
  return toBytes(values);
}
