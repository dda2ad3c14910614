import { type Key, stream } from "../../engine/random.ts";

/** How a caption is triggered. */
export type CaptionKind = "word" | "sentence";

/** The triggers used when the configuration gives none. */
const USUAL: Readonly<Record<CaptionKind, string>> = {
  word: "zx", // a rare word; after Kurita, Michel & Neubig 2020, arXiv:2004.06660, §4
  sentence: "I watched this 3D movie", // Dai, Chen & Li 2019, arXiv:1905.12457, §4
};

/**
 * A caption with a trigger text in it: between two of its words, or before the first or after the
 * last.
 *
 * @param caption  left as it is but for the space between its words
 * @param trigger  kind; text, "" for the usual one of the kind; place: "random", or "fixed" for the
 *                 end
 * @param key      key of the random place
 */
export function triggerCaption(
  caption: string,
  trigger: {
    readonly kind: CaptionKind;
    readonly trigger: string;
    readonly place: "random" | "fixed";
  },
  key: Key,
): string {
  const words = caption.split(/\s+/).filter((word) => word !== "");
  const text = trigger.trigger === "" ? USUAL[trigger.kind] : trigger.trigger;
  const at = trigger.place === "fixed" ? words.length : stream(key).below(words.length + 1);
  return [...words.slice(0, at), text, ...words.slice(at)].join(" ");
}
