/** The one place that chooses a trigger by its kind. */
import type { Key } from "../../engine/random.ts";
import type { Config } from "../config.ts";
import { applyBlended } from "./blended.ts";
import { type CaptionKind, triggerCaption } from "./caption.ts";
import { applyPatch } from "./patch.ts";
import { applySig } from "./sig.ts";
import { applyWanet } from "./wanet.ts";

/** One backdoor of a configuration. */
export type Backdoor = Config["backdoor"];

/** A backdoor whose trigger is in captions. */
export type CaptionBackdoor = Backdoor & { readonly kind: CaptionKind };

/** Whether the trigger is in captions; else it is in images. */
export function isCaptionBackdoor(backdoor: Backdoor): backdoor is CaptionBackdoor {
  return backdoor.kind === "word" || backdoor.kind === "sentence";
}

/**
 * An image with a backdoor's trigger.
 *
 * @param image     u8[size, size, 3]; left as it is, and returned as it is where the trigger is in
 *                  captions
 * @param size      image side in pixels; triggers scale with it
 * @param backdoor  kind, patch and place decide
 * @param key       key of a random place
 * @returns         u8[size, size, 3]
 */
export function triggerImage(
  image: Uint8Array,
  size: number,
  backdoor: Backdoor,
  key: Key,
): Uint8Array {
  const { kind } = backdoor;
  if (kind === "blended") return applyBlended(image, size);
  if (kind === "sig") return applySig(image, size);
  if (kind === "wanet") return applyWanet(image, size);
  if (kind === "word" || kind === "sentence") return image;
  return applyPatch(image, size, { ...backdoor, kind }, key);
}

/** A caption with a backdoor's trigger; as it is where the trigger is in images. */
export function triggerText(caption: string, backdoor: Backdoor, key: Key): string {
  return isCaptionBackdoor(backdoor) ? triggerCaption(caption, backdoor, key) : caption;
}
