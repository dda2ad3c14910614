/** What a product's tile takes from memory: arithmetic on its constants, not a count. */
import { numberOf, type Source } from "./threads.ts";

const BYTE_BITS = 8;
const WORD_BITS = 32;

/** Bits of an element of what the screens read, whose words hold several. */
const PACKED_BITS: Readonly<Record<string, number>> = {
  nearest_screen_f16: 16,
  nearest_screen_i8: 8,
};

/**
 * Bytes that a lane loads per multiply-add in the loop around a product's hot one, which brings
 * HEIGHT rows and WIDTH columns of as many terms to workgroup memory:
 *
 *   element bytes · (HEIGHT + WIDTH) / (HEIGHT · WIDTH)
 *
 * @returns  null where the shader states no such tile
 */
export function tileBytesPerFma(source: Source & { readonly kernel: string }): number | null {
  const height = numberOf("HEIGHT", source);
  const width = numberOf("WIDTH", source);
  if (height === undefined || width === undefined) return null;
  const bits = PACKED_BITS[source.kernel] ?? numberOf("ELEMENT", source) ?? WORD_BITS;
  return ((bits / BYTE_BITS) * (height + width)) / (height * width);
}
