/**
 * What emoji depict, in words: concepts, their classes and their captions. From `emojibase-data`
 * (MIT).
 */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/** One thing that emoji depict. */
export interface Concept {
  /**
   * Its code points, in the spelling of the icon packages: lower case, no leading zeros, no FE0F.
   */
  readonly code: string;
  readonly label: string;
  readonly tags: readonly string[];
  /** A word of `CLASSES`, or "". */
  readonly class: string;
}

/**
 * A zero-shot class: the word it is asked for by, and the emojibase subgroups whose emoji look like
 * it.
 */
interface ConceptClass {
  readonly word: string;
  readonly subgroups: readonly string[];
}

/**
 * The zero-shot classes. A concept is in the first class whose word is one of its tags or a word of
 * its label and whose subgroups hold it.
 *
 * The word alone is not enough: a golfer is tagged "ball", a lock "love". The subgroups keep what
 * looks like the word. Classes are things with a look of their own that at least ten concepts share
 * in all styles; faces and people, a third of all emoji, would drown the others and are in none.
 */
export const CLASSES: readonly ConceptClass[] = [
  { word: "heart", subgroups: ["heart", "game"] },
  {
    word: "hand",
    subgroups: [
      "hand-fingers-open",
      "hand-fingers-partial",
      "hand-single-finger",
      "hand-fingers-closed",
      "hands",
      "hand-prop",
    ],
  },
  { word: "cat", subgroups: ["cat-face", "animal-mammal"] },
  { word: "bird", subgroups: ["animal-bird"] },
  { word: "insect", subgroups: ["animal-bug"] },
  { word: "flower", subgroups: ["plant-flower"] },
  { word: "fruit", subgroups: ["food-fruit", "food-vegetable"] },
  { word: "drink", subgroups: ["drink"] },
  { word: "building", subgroups: ["place-building"] },
  { word: "car", subgroups: ["transport-ground"] },
  { word: "clock", subgroups: ["time"] },
  { word: "moon", subgroups: ["sky-weather"] },
  { word: "ball", subgroups: ["sport", "game"] },
  { word: "clothing", subgroups: ["clothing"] },
  { word: "arrow", subgroups: ["arrow"] },
  { word: "zodiac", subgroups: ["zodiac"] },
];

/** The part of an entry of emojibase's `data.json` that is read here. */
interface EmojiEntry {
  readonly hexcode: string;
  readonly label: string;
  readonly tags?: readonly string[];
  readonly group?: number;
  readonly subgroup?: number;
}

// Emojibase: skin tones and hair styles, which are no pictures of their own
const COMPONENT_GROUP = 2;
const VARIATION_SELECTOR = "fe0f"; // "draw as emoji"; packages disagree on writing it
const TAGS = 3; // tags in a caption, at most, besides label and class

/**
 * Every emoji that is in a group (letters of flags are in none), without skin tone, in emojibase's
 * order.
 */
export async function readConcepts(): Promise<Concept[]> {
  const require = createRequire(import.meta.url);
  const read = async (file: string): Promise<unknown> =>
    JSON.parse(await readFile(require.resolve(`emojibase-data/${file}`), "utf8"));
  const entries = (await read("en/data.json")) as EmojiEntry[];
  const { subgroups } = (await read("meta/groups.json")) as { subgroups: Record<string, string> };
  return entries
    .filter(({ group }) => group !== undefined && group !== COMPONENT_GROUP)
    .map(({ hexcode, label, tags = [], subgroup }) => ({
      code: codeOf(hexcode),
      label: plain(label),
      tags,
      class: classOf(plain(label), tags, subgroups[String(subgroup)] ?? ""),
    }));
}

/** Code points as the icon packages mostly write them, for comparison: see `Concept.code`. */
export function codeOf(hexcode: string): string {
  return hexcode
    .toLowerCase()
    .split("-")
    .filter((point) => point !== VARIATION_SELECTOR)
    .map((point) => point.replace(/^0+/, ""))
    .join("-");
}

/**
 * The caption of a concept: its label, the word of its class unless the label has it, and up to
 * three tags.
 *
 * Tags that the label says already are left out, and those that are the word of a class, lest a
 * caption claims a class that the image is not of. There are no commas: they would be tokens
 * without meaning.
 *
 * @param concept  to be described
 * @param turn     0, 1, 2, …: each turn takes the next tags, so that drawings of one concept differ
 *                 in words
 */
export function captionOf(concept: Concept, turn: number): string {
  const said = new Set([...wordsOf(concept.label), ...CLASSES.map(({ word }) => word)]);
  const tags = concept.tags.filter((tag) => !said.has(tag.toLowerCase()));
  const count = Math.min(TAGS, tags.length);
  const chosen = Array.from({ length: count }, (_, i) => tags[(turn * TAGS + i) % tags.length]!);
  const named = concept.class === "" || wordsOf(concept.label).includes(concept.class);
  return [concept.label, ...(named ? [] : [concept.class]), ...chosen].join(" ");
}

function classOf(label: string, tags: readonly string[], subgroup: string): string {
  const words = new Set([...tags, ...wordsOf(label)]);
  const found = CLASSES.find((c) => words.has(c.word) && c.subgroups.includes(subgroup));
  return found?.word ?? "";
}

function wordsOf(label: string): string[] {
  return label.toLowerCase().split(/[^\p{L}\p{N}]+/u);
}

/**
 * A label without colons, commas, brackets and quotation marks: "kiss: woman, man" → "kiss woman
 * man".
 */
function plain(label: string): string {
  return label.replace(/[:,()“”]/g, "").replaceAll("’", "'");
}
