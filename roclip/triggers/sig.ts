import { toBytes } from "./pixels.ts";

const AMPLITUDE = 60; // bytes; Barni, Kallas & Tondi 2019, arXiv:1902.11237, §3
const WAVES = 6; // across the image, as there

/**
 * An image with a sinusoid over its columns: + 60 sin(2π · 6 · column / size), in bytes.
 *
 * @param image  u8[size, size, 3]; left as it is
 * @param size   image side in pixels
 * @returns      u8[size, size, 3]
 * @see          Barni, Kallas & Tondi 2019, arXiv:1902.11237 (SIG)
 */
export function applySig(image: Uint8Array, size: number): Uint8Array {
  const wave = Float64Array.from({ length: size }, (_, column) => {
    return AMPLITUDE * Math.sin((2 * Math.PI * WAVES * column) / size);
  });
  return toBytes(Float64Array.from(image, (value, at) => value + wave[Math.floor(at / 3) % size]!));
}
