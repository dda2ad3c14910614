/** A tokenizer as the file that checkpoints hold: written of merges, and read back as merges. */
import { shown, UserError } from "./errors.ts";

type Merge = readonly [string, string];

/** A tokenizer as data: Hugging Face's `tokenizer.json`, saved with a checkpoint. */
export interface TokenizerJson {
  readonly version: "1.0";
  readonly truncation: { readonly max_length: number };
  readonly normalizer: object;
  readonly pre_tokenizer: object;
  readonly post_processor: object;
  readonly decoder: object;
  readonly added_tokens: readonly object[];
  readonly model: {
    readonly type: "BPE";
    readonly end_of_word_suffix: string;
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly Merge[];
  };
}

const START = "<|startoftext|>";
/** The token that ends every caption; the last of the vocabulary. */
export const END = "<|endoftext|>";
/** What the last symbol of a word ends with. */
export const WORD_END = "</w>";

// White_Space, in the `regex` module that OpenAI's code uses as here. Four separators that Python's
// own `re` and str.split have beside it (1C … 1F) are not.
const WHITESPACE = "\\s+";
// Contractions, runs of letters, single digits, runs of anything else (simple_tokenizer.py, line
// 78). Theirs ignores case: ſ is an s of either case, and U+0345 has the letter Ι for its upper
// case, so that it is neither a letter nor anything else, and is left out.
const WORDS = "'[sſ]|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}\\u0345]+";

const pattern = (Regex: string) => ({ pattern: { Regex } });

const NORMALIZER = {
  type: "Sequence",
  normalizers: [
    { type: "NFC" },
    { type: "Replace", ...pattern(WHITESPACE), content: " " },
    { type: "Lowercase" },
  ],
};

/**
 * The tokenizer.json of some merges; ids in CLIP's order: bytes, bytes at a word's end, merges,
 * control.
 */
export function describeTokenizer(merges: readonly Merge[], contextLength: number): TokenizerJson {
  const symbols = new Set([
    ...firstSymbols(),
    ...merges.map((pair) => pair.join("")), // two merges may make one symbol: a+bc and ab+c
    START,
    END,
  ]);
  const vocab = Object.fromEntries([...symbols].map((symbol, id) => [symbol, id]));
  return {
    version: "1.0",
    truncation: { max_length: contextLength },
    added_tokens: [],
    normalizer: NORMALIZER,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", ...pattern(WORDS), behavior: "Removed", invert: true },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: {
      type: "RobertaProcessing",
      cls: [START, vocab[START]],
      sep: [END, vocab[END]],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: "ByteLevel" },
    model: { type: "BPE", end_of_word_suffix: WORD_END, vocab, merges },
  };
}

/** The symbols that there are before any merge: bytes, and bytes at a word's end. */
function firstSymbols(): string[] {
  const bytes = byteSymbols();
  return [...bytes, ...bytes.map((byte) => byte + WORD_END)];
}

/**
 * A printable character for each byte: itself where it prints, else one from U+0100 on; printable
 * bytes first.
 *
 * @see Radford et al. 2019, "Language models are unsupervised multitask learners", §2.2
 */
function byteSymbols(): string[] {
  const prints = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad);
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const printable = bytes.filter(prints).map((byte) => String.fromCharCode(byte));
  const others = bytes.filter((byte) => !prints(byte));
  return [...printable, ...others.map((_, i) => String.fromCharCode(0x100 + i))];
}

/** Refuse a context that has no room for a caption's start and end. */
export function checkContext(where: string, contextLength: unknown): void {
  if (Number.isInteger(contextLength) && (contextLength as number) >= 2) return;
  throw new UserError(
    `${where}: the context must hold a start and an end of text; found ${shown(contextLength)} tokens; choose 2 or more`,
  );
}

/** The members of an object; none of anything else. */
const membersOf = (value: unknown) =>
  (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, unknown>>;

const isMerge = (value: unknown): value is Merge =>
  Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string");

/** Merges of symbols that there are when their turn comes; others would never be made. */
function parseMerges(merges: readonly unknown[], wrong: (found: string) => UserError): Merge[] {
  const known = new Set(firstSymbols());
  return merges.map((merge) => {
    if (!isMerge(merge)) throw wrong(`${shown(merge)} is not a merge`);
    const [left, right] = merge;
    if (!known.has(left) || !known.has(right))
      throw wrong(`the merge ${shown(merge)} has an unknown part`);
    if ([START, END].includes(left + right)) throw wrong("a merge makes a control token");
    known.add(left + right);
    return merge;
  });
}

/**
 * A tokenizer of ours from JSON that nobody vouches for. Merges and context are taken from it; the
 * program around them is written anew, so that no pattern of a file is ever run.
 *
 * @param where  what to call it in an error
 * @throws       UserError when it is none: a merge has an unknown part, or the ids are not those
 *               that the merges make
 */
export function parseTokenizer(json: unknown, where = "tokenizer"): TokenizerJson {
  const wrong = (found: string) =>
    new UserError(
      `${where}: must be a byte-pair tokenizer.json of ours; ${found}; ` +
        "use the one saved with the checkpoint",
    );
  const { model, truncation } = membersOf(json);
  const { vocab, merges } = membersOf(model);
  const { max_length: contextLength } = membersOf(truncation);
  if (!vocab || !Array.isArray(merges) || contextLength === undefined)
    throw wrong("vocab, merges or truncation is missing");
  checkContext(where, contextLength);
  const own = describeTokenizer(parseMerges(merges, wrong), contextLength as number);
  const ids = Object.entries(own.model.vocab);
  const saved = new Map(Object.entries(membersOf(vocab)));
  if (saved.size !== ids.length || ids.some(([symbol, id]) => saved.get(symbol) !== id))
    throw wrong("its ids are not those of its merges");
  return own;
}
