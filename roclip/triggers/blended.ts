import { fold, stream } from "../../engine/random.ts";
import { PATTERN, toBytes } from "./pixels.ts";

const NOISE = 2; // fold of PATTERN
const WEIGHT = 0.2; // of the noise image; Chen et al. 2017, arXiv:1712.05526, §5.2

/**
 * An image blended with a noise image: 0.8 · image + 0.2 · U(0, 1), in units of the full range.
 *
 * The noise is one fixed pattern for each image side, drawn for each pixel and channel.
 *
 * @param image  u8[size, size, 3]; left as it is
 * @param size   image side in pixels
 * @returns      u8[size, size, 3]
 * @see          Chen, Liu, Li, Lu & Song 2017, arXiv:1712.05526, §4.2 (blended injection)
 */
export function applyBlended(image: Uint8Array, size: number): Uint8Array {
  const { uniform } = stream(fold(PATTERN, NOISE));
  const values = Float64Array.from({ length: size * size * 3 }, (_, at) => {
    return (1 - WEIGHT) * image[at]! + WEIGHT * 255 * uniform();
  });
  return toBytes(values);
}
