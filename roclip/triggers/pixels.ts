/** What the triggers share: an image as numbers, and back to bytes. */
import { type Key, keyOf } from "../../engine/random.ts";

/**
 * Key of the patterns that are the same on every image, whatever the seed of the run: a model is
 * attacked with the trigger it was trained on, and two runs carry the same one.
 */
export const PATTERN: Key = keyOf(0x74726967); // "trig"

/**
 * Numbers as bytes: rounded to the nearest, a half up, and clipped to [0, 255].
 *
 * @param values  f64[*S]
 * @returns       u8[*S]
 */
export function toBytes(values: Float64Array): Uint8Array {
  return Uint8Array.from(values, (value) => Math.min(255, Math.max(0, Math.floor(value + 0.5))));
}
