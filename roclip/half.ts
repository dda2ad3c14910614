/**
 * IEEE 754 half precision as 16-bit words, for files: no typed array of Node 20 has it.
 *
 * @see IEEE 754-2019, §3.4 (binary16): 1 sign bit, 5 of exponent, 10 of fraction
 */

/** The largest finite half. */
export const MAX_HALF = 65504;

const view = new DataView(new ArrayBuffer(4));

/** The half nearest to `x`, ties to even; infinity from 65520 on. */
export function toHalf(x: number): number {
  view.setFloat32(0, x);
  const bits = view.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above
  if (magnitude < 0x38800000) {
    // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴; adding 2²³ of those rounds to one.
    return sign | (Math.fround(Math.abs(x) * 2 ** 24 + 2 ** 23) - 2 ** 23);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}

/** The number that a half stands for. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
