/**
 * Easy data augmentation of captions: one of four small edits, drawn anew whenever a key is.
 *
 * A word is what white space separates. Edits move or copy whole words and keep their punctuation
 * and case; only a replaced word takes its synonym's spelling. Captions without a usable word
 * (empty, digits, a script that WordNet does not know) stay as they are under an edit that needs a
 * synonym.
 *
 * @see Wei & Zou 2019, arXiv:1901.11196, §2
 */

import { fold, type Key, type Stream, stream } from "../engine/random.ts";
import { wordNetSynonyms } from "./data/wordnet.ts";

/** An augmented caption: a function of the caption and the key alone. */
export type Eda = (caption: string, key: Key) => string;

/** How strongly captions are edited. */
export interface EdaOptions {
  /** Share of the words that an edit touches; at least one is. */
  readonly alpha?: number;
  /** Probability that deletion takes a word. */
  readonly deletion?: number;
  /** Of a lower-case word; WordNet's unless given. */
  readonly synonyms?: (word: string) => readonly string[];
}

/** An edit of `words`, never empty: how many words to touch, and the draws it may use. */
type Edit = (words: readonly string[], count: number, random: Stream) => string[];

const ALPHA = 0.1; // Wei & Zou 2019, arXiv:1901.11196, table 3 (recommended above 500 captions)
const DELETION = 0.1; // the same α for deletion

/**
 * Words that carry grammar rather than meaning and are therefore not replaced: the closed classes
 * of English (Quirk, Greenbaum, Leech & Svartvik 1985, "A comprehensive grammar of the English
 * language"), listed by us; the paper names no list.
 */
const STOP_WORDS: ReadonlySet<string> = new Set(
  [
    "a an the this that these those each every either neither some any no all both half such",
    "i me my mine myself you your yours yourself yourselves he him his himself she her hers herself",
    "it its itself we us our ours ourselves they them their theirs themselves one who whom whose",
    "which what whoever whatever someone somebody something anyone anybody anything",
    "about above across after against along among around as at before behind below beneath beside",
    "between beyond by down during for from in inside into near of off on onto out over past per",
    "since through to toward towards under until up upon via with within without",
    "and or but nor so yet if because although though while whereas unless than whether",
    "be am is are was were been being do does did done doing have has had having",
    "can could may might must shall should will would not very too also just only then there here",
    "now when where why how again further once more most other own same few",
  ]
    .join(" ")
    .split(" "),
);

/**
 * Make the augmentation.
 *
 * Each call draws one of the four techniques: synonym replacement, random insertion, random swap,
 * random deletion. The first three touch n = max(1, ⌊alpha · words⌋) words. No caption is ever
 * emptied.
 *
 * @param options  strengths and the source of synonyms
 * @returns        (caption, key) → caption; the same for the same caption and key
 * @throws         RangeError when a strength is outside [0, 1]
 */
export function createEda(options: EdaOptions = {}): Eda {
  const { alpha = ALPHA, deletion = DELETION, synonyms = wordNetSynonyms } = options;
  for (const [name, value] of Object.entries({ alpha, deletion })) {
    if (value >= 0 && value <= 1) continue;
    throw new RangeError(
      `createEda: ${name} must be in [0, 1]; found ${value}; 0.1 is the paper's`,
    );
  }
  const edits: readonly Edit[] = [
    (words, count, random) => replaceSynonyms(words, count, random, synonyms),
    (words, count, random) => insertSynonyms(words, count, random, synonyms),
    swapWords,
    (words, _, random) => deleteWords(words, deletion, random),
  ];
  return (caption, key) => {
    const words = caption.split(/\s+/u).filter((word) => word !== "");
    if (words.length === 0) return caption;
    const count = Math.max(1, Math.floor(alpha * words.length));
    const technique = stream(key).below(edits.length);
    return edits[technique]!(words, count, stream(fold(key, technique))).join(" ");
  };
}

/** A word without the punctuation around it, in lower case; "" where there is no letter. */
function bare(word: string): string {
  return (/\p{L}(?:.*\p{L})?/u.exec(word)?.[0] ?? "").toLowerCase();
}

/** Replace every occurrence of `count` different words by a synonym drawn for each. */
function replaceSynonyms(
  words: readonly string[],
  count: number,
  random: Stream,
  synonyms: (word: string) => readonly string[],
): string[] {
  const candidates = [...new Set(words.map(bare))].filter(isContent);
  let edited = [...words];
  let left = count;
  for (const i of random.permutation(candidates.length)) {
    if (left === 0) break;
    const target = candidates[i]!;
    const synonym = draw(synonyms(target), random);
    if (synonym === undefined) continue;
    edited = edited.map((word) => (bare(word) === target ? respell(word, synonym) : word));
    left--;
  }
  return edited;
}

/** Insert, `count` times, a synonym of a random content word at a random place. */
function insertSynonyms(
  words: readonly string[],
  count: number,
  random: Stream,
  synonyms: (word: string) => readonly string[],
): string[] {
  const found = words.map(bare).filter(isContent).map(synonyms);
  const sources = found.filter((list) => list.length > 0);
  const edited = [...words];
  for (let n = 0; n < count; n++) {
    const synonym = draw(draw(sources, random) ?? [], random);
    if (synonym === undefined) break;
    edited.splice(random.below(edited.length + 1), 0, synonym);
  }
  return edited;
}

/** Swap two different places, `count` times. */
function swapWords(words: readonly string[], count: number, random: Stream): string[] {
  const edited = [...words];
  if (edited.length < 2) return edited;
  for (let n = 0; n < count; n++) {
    const i = random.below(edited.length);
    const j = (i + 1 + random.below(edited.length - 1)) % edited.length;
    [edited[i], edited[j]] = [edited[j]!, edited[i]!];
  }
  return edited;
}

/** Delete each word with probability `probability`; should none stay, one does. */
function deleteWords(words: readonly string[], probability: number, random: Stream): string[] {
  const kept = words.filter(() => random.uniform() >= probability);
  return kept.length > 0 ? kept : [words[random.below(words.length)]!];
}

/** Whether a bare word may have synonyms of its meaning: it has letters and is no stop word. */
function isContent(word: string): boolean {
  return word !== "" && !STOP_WORDS.has(word);
}

/** `synonym` in the place of `word`, within the punctuation of `word`. */
function respell(word: string, synonym: string): string {
  return word.replace(/\p{L}(?:.*\p{L})?/u, () => synonym);
}

function draw<T>(items: readonly T[], random: Stream): T | undefined {
  return items.length > 0 ? items[random.below(items.length)] : undefined;
}
