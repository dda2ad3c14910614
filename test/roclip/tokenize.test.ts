import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { learnMerges } from "../../roclip/bpe.ts";
import { UserError } from "../../roclip/errors.ts";
import {
  clipTokenizer,
  compactTokenizer,
  learnTokenizer,
  type Tokenizer,
  tokenizerFromJson,
} from "../../roclip/tokenize.ts";

const CAPTIONS = [
  "red heart",
  "Red Apple &amp; green apple",
  "heart with arrow",
  "the red car",
  "the cat's red cart",
  "two o'clock, 2:00",
];
const SEED = 20231110; // fast-check prints it with any counterexample

const tokenizer = learnTokenizer(CAPTIONS, { vocabularySize: 560, contextLength: 12 });

/** Inverts ids to text: symbols joined, byte characters turned back into bytes. */
function speller(of: Tokenizer): (ids: readonly number[]) => string {
  const symbols = Object.entries(of.toJSON().model.vocab).sort(([, a], [, b]) => a - b);
  // The first 256 symbols are the bytes, printable ones first; the others in order from U+0100.
  const bytes = symbols.slice(0, 256).map(([symbol]) => symbol);
  const printable = bytes.map((char) => char.charCodeAt(0)).filter((code) => code < 0x100);
  const others = [...bytes.keys()].filter((byte) => !printable.includes(byte));
  const byteOf = new Map(
    bytes.map((char, i) => [char, printable[i] ?? others[i - printable.length]!]),
  );
  return (ids) => {
    const text = ids.map((id) => symbols[id]![0].replace("</w>", "")).join("");
    return new TextDecoder().decode(Uint8Array.from(text, (char) => byteOf.get(char)!));
  };
}

/** Python's white space at the ends of a text: White_Space and the four separators 1C … 1F. */
function isSpace(char: string): boolean {
  return /\p{White_Space}/u.test(char) || (char >= "\x1c" && char <= "\x1f");
}

/** What of a text an encoding keeps: all but case, white space, composition and lone surrogates. */
function kept(text: string): string {
  const characters = [...text];
  const first = characters.findIndex((char) => !isSpace(char));
  const last = characters.findLastIndex((char) => !isSpace(char));
  const inner = characters.slice(Math.max(first, 0), last + 1).join("");
  // U+0345 belongs to no word.
  const words = inner
    .normalize("NFC")
    .toLowerCase()
    .replace(/\p{White_Space}|\u0345/gu, "");
  return Buffer.from(words, "utf8").toString("utf8");
}

/** Sennrich et al.'s algorithm in the plainest way: count every pair anew for every merge. */
function plainMerges(counts: ReadonlyMap<string, number>, most: number): [string, string][] {
  let words = [...counts].map(([text, count]) => {
    const symbols = [...text];
    symbols[symbols.length - 1] += "</w>";
    return { symbols, count };
  });
  const merges: [string, string][] = [];
  while (merges.length < most) {
    const pairs = new Map<string, { pair: [string, string]; count: number }>();
    for (const { symbols, count } of words) {
      for (let i = 0; i + 1 < symbols.length; i++) {
        const pair: [string, string] = [symbols[i]!, symbols[i + 1]!];
        const seen = pairs.get(pair.join("\t"))?.count ?? 0;
        pairs.set(pair.join("\t"), { pair, count: seen + count });
      }
    }
    const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
    const best = [...pairs.values()].sort(
      (a, b) => b.count - a.count || order(a.pair[0], b.pair[0]) || order(a.pair[1], b.pair[1]),
    )[0];
    if (!best || best.count < 2) break;
    merges.push(best.pair);
    words = words.map(({ symbols, count }) => {
      const merged: string[] = [];
      for (let i = 0; i < symbols.length; i++) {
        const joined = symbols[i] === best.pair[0] && symbols[i + 1] === best.pair[1];
        merged.push(joined ? symbols[i]! + symbols[++i]! : symbols[i]!);
      }
      return { symbols: merged, count };
    });
  }
  return merges;
}

describe("learnMerges", () => {
  test("takes the most frequent pair, the first in order among equals", () => {
    const counts = new Map([
      ["cd", 2],
      ["ab", 2],
      ["xyz", 3],
      ["once", 1],
    ]);
    expect(learnMerges(counts, 9, "</w>")).toEqual([
      ["x", "y"],
      ["xy", "z</w>"],
      ["a", "b</w>"],
      ["c", "d</w>"],
    ]);
  });

  test("is Sennrich et al.'s algorithm", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 9 });
    const counts = fc.array(fc.tuple(word, fc.integer({ min: 1, max: 4 })), { maxLength: 12 });
    fc.assert(
      fc.property(counts, (list) => {
        const map = new Map(list);
        expect(learnMerges(map, 20, "</w>")).toEqual(plainMerges(map, 20));
      }),
      { seed: SEED },
    );
  });
});

describe("a learnt tokenizer", () => {
  const end = tokenizer.vocabularySize - 1;
  const start = end - 1;

  test("gives a common word one token", () => {
    expect(tokenizer.encode("red")).toHaveLength(3);
    expect(tokenizer.encode("  RED\n heart ")).toEqual(tokenizer.encode("red heart"));
  });

  test("does not depend on the order of the captions", () => {
    const again = learnTokenizer(CAPTIONS.toReversed(), { vocabularySize: 560, contextLength: 12 });
    expect(again.toJSON()).toEqual(tokenizer.toJSON());
  });

  test("undoes HTML escapes twice", () => {
    expect(tokenizer.encode("a &amp;amp; b &#x27; &lt;")).toEqual(tokenizer.encode("a & b ' <"));
  });

  test("leaves out references to what is no character, and other references alone", () => {
    const same = (caption: string, plain: string) =>
      expect(tokenizer.encode(caption), caption).toEqual(tokenizer.encode(plain));
    same("r&#1;e&#8;d&#11; h&#xE;e&#x1f;a&#127;r&#xFFFE;t&#x1ffff&#xfdd0;", "red heart");
    same("red&#9;heart&#12;red&#13;heart", "red heart red heart");
    same("&#x80; &#0; &#xd800; &#x110000;", "€ \ufffd \ufffd \ufffd");
    same("&am&#1;p;lt; &#x; &#;", "&amp;amp;lt; &#x; &#;"); // what is left is unescaped once more
  });

  test("takes the separators 1C … 1F for white space at the ends alone, as OpenAI's code does", () => {
    expect(tokenizer.encode("\x1c red heart\x1f\n")).toEqual(tokenizer.encode("red heart"));
    expect(tokenizer.encode("red\x1fheart")).not.toEqual(tokenizer.encode("red heart"));
    expect(tokenizer.encode("red\x1fheart")).toHaveLength(2 + 3);
  });

  test("splits contractions, digits and punctuation as CLIP does", () => {
    const large = learnTokenizer(["it's 42 !! ok"], { vocabularySize: 600 });
    const { vocab } = large.toJSON().model;
    const ids = ["i", "t</w>", "'", "s</w>", "4</w>", "2</w>", "!", "!</w>", "o", "k</w>"];
    expect(large.encode("it's 42 !! ok").slice(1, -1)).toEqual(ids.map((symbol) => vocab[symbol]));
  });

  test("lets no caption spell a control token", () => {
    const ids = tokenizer.encode("<|endoftext|> a <|startoftext|>");
    expect(ids.indexOf(end)).toBe(ids.length - 1);
    expect(ids.lastIndexOf(start)).toBe(0);
  });

  test("encodes any text: control tokens at the ends, bytes kept, within the context", () => {
    const long = learnTokenizer(CAPTIONS, { vocabularySize: 560, contextLength: 10_000 });
    const spell = speller(long);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const ids = long.encode(text);
        expect([ids[0], ids.at(-1)]).toEqual([start, end]);
        expect(Math.max(0, ...ids.slice(1, -1))).toBeLessThan(start);
        const cut = tokenizer.encode(text);
        expect(cut).toEqual(ids.length <= 12 ? ids : [...ids.slice(0, 11), end]);
        if (!text.includes("&")) expect(spell(ids.slice(1, -1))).toBe(kept(text)); // no HTML escape
      }),
      { seed: SEED },
    );
  });

  test("encodes batches padded with 0, and says where they end", () => {
    const { ids, ends } = tokenizer.encodeBatch(["red", "", "the red cat's red cart"], 5);
    const rows = [0, 1, 2].map((row) => [...ids.slice(row * 5, row * 5 + 5)]);
    expect(rows[0]).toEqual([...tokenizer.encode("red"), 0, 0]);
    expect(rows[1]).toEqual([start, end, 0, 0, 0]);
    expect(rows[2]!.slice(0, 4)).toEqual(tokenizer.encode("the red cat's red cart").slice(0, 4));
    expect(rows[2]![4]).toBe(end);
    expect([...ends]).toEqual([2, 1, 4]);
    expect(tokenizer.encodeBatch(["red"]).ids).toHaveLength(12);
  });

  test("comes back from its JSON", () => {
    const copy = tokenizerFromJson(JSON.parse(JSON.stringify(tokenizer)));
    expect(copy.vocabularySize).toBe(tokenizer.vocabularySize);
    expect(copy.contextLength).toBe(12);
    for (const caption of CAPTIONS) expect(copy.encode(caption)).toEqual(tokenizer.encode(caption));
  });

  test("has fewer symbols than asked for when nothing is left to merge", () => {
    expect(learnTokenizer(["aa aa"], { vocabularySize: 4000 }).vocabularySize).toBe(515);
    expect(learnTokenizer([], { vocabularySize: 4000 }).vocabularySize).toBe(514);
  });
});

describe("a compacted tokenizer", () => {
  const symbolsOf = (of: Tokenizer, caption: string) => {
    const named = new Map(Object.entries(of.toJSON().model.vocab).map(([name, id]) => [id, name]));
    return of.encode(caption).map((id) => named.get(id));
  };

  test("gives its captions the tokens they had, and has no others but bytes", () => {
    const large = learnTokenizer(CAPTIONS, { vocabularySize: 4000 });
    const some = CAPTIONS.slice(2, 4);
    const compact = compactTokenizer(large, some);
    for (const caption of some)
      expect(symbolsOf(compact, caption)).toEqual(symbolsOf(large, caption));
    expect(compact.vocabularySize).toBeLessThan(large.vocabularySize);
    expect(compactTokenizer(compact, some).toJSON()).toEqual(compact.toJSON());
    expect(compactTokenizer(large, []).vocabularySize).toBe(514);
  });

  test("spells other words by what it has", () => {
    const compact = compactTokenizer(tokenizer, ["red"]);
    const ids = compact.encode("redheart ☕");
    expect(speller(compact)(ids.slice(1, -1))).toBe("redheart☕");
  });
});

/** Merges as GPT-2's file has them: pairs of symbols that are there, no two the same. */
function gpt2Like(count: number): string[] {
  const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\u0120"];
  const symbols = letters.slice();
  const lines: string[] = [];
  for (let i = 0; lines.length < count; i++)
    for (const letter of letters) {
      lines.push(`${symbols[i]} ${letter}`);
      symbols.push(symbols[i]! + letter);
    }
  return lines.slice(0, count);
}

describe("bad input", () => {
  test("a vocabulary or context that is too small", () => {
    expect(() => learnTokenizer(CAPTIONS, { vocabularySize: 513 })).toThrow(UserError);
    const options = { vocabularySize: 600, contextLength: 1 };
    expect(() => learnTokenizer(CAPTIONS, options)).toThrow(/start and an end of text; found 1/);
    expect(() => tokenizer.encodeBatch(["x"], 1)).toThrow(UserError);
  });

  test("a file that is not CLIP's merges", async () => {
    const folder = await mkdtemp(join(tmpdir(), "roclip-merges-"));
    const file = join(folder, "merges.txt.gz");
    const write = (lines: readonly string[]) =>
      writeFileSync(file, gzipSync(["header", ...lines].join("\n")));
    expect(() => clipTokenizer(file)).toThrow(/must be CLIP's .*; ENOENT/);
    write(["a b"]);
    expect(() => clipTokenizer(file)).toThrow(/it has 1 merges, not 48894/);
    write(gpt2Like(48894));
    expect(() => clipTokenizer(file)).toThrow(UserError);
    expect(() => clipTokenizer(file)).toThrow(
      /its merges are others \(SHA-256 [0-9a-f]{64}, not d308b737[0-9a-f]{56}\); take the file from/,
    );
    await rm(folder, { recursive: true });
  });
});
