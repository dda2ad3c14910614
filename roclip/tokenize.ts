/**
 * Captions to token ids: byte-pair encoding as CLIP does it, with CLIP's merges or with merges
 * learnt from the training captions.
 *
 * Both tokenizers are one program (a `tokenizer.json`) with other merges, and differ from OpenAI's
 * in two declared points. OpenAI first repairs mis-decoded text with ftfy, which has no npm
 * equivalent: only its NFC step is here. And a caption cannot spell a control token:
 * "<|endoftext|>" is text, since captions are untrusted and an end-of-text in the middle would move
 * the pooled position.
 *
 * @see Radford et al. 2021, arXiv:2103.00020, §2.4; `clip/simple_tokenizer.py` in openai/CLIP at
 *              d05afc43
 * @see Sennrich, Haddow & Birch 2016, arXiv:1508.07909, algorithm 1
 */

import { Tokenizer as Core } from "@huggingface/tokenizers";
import { decodeHTML } from "entities";
import { learnMerges } from "./bpe.ts";
import { readClipMerges } from "./data/merges.ts";
import { UserError } from "./errors.ts";

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
    readonly merges: readonly (readonly [string, string])[];
  };
}

/** Token ids of N captions. */
interface TokenBatch {
  /** u32[N, T]: start of text, the caption, end of text, then zeros. */
  readonly ids: Uint32Array;
  /** u32[N]: where in its row the end of text is. */
  readonly ends: Uint32Array;
}

/** Captions to token ids. */
export interface Tokenizer {
  readonly vocabularySize: number;
  /** T unless `encodeBatch` is told otherwise; tokens. */
  readonly contextLength: number;
  /** [start of text, …, end of text], cut to `contextLength` so that the end of text stays. */
  encode(caption: string): number[];
  encodeBatch(captions: readonly string[], contextLength?: number): TokenBatch;
  toJSON(): TokenizerJson;
}

const START = "<|startoftext|>";
const END = "<|endoftext|>";
const WORD_END = "</w>";
const CLIP_CONTEXT = 77; // tokens; Radford et al. 2021, arXiv:2103.00020, §2.4
const BYTE_SYMBOLS = 512; // each of 256 bytes, within a word and at its end
const CONTROL_TOKENS = 2;
// Symbols; Radford et al. 2021, arXiv:2103.00020, §2.4 (49,152 and bytes)
const CLIP_VOCABULARY = 49408;

// Python's \s, which OpenAI's code uses, is White_Space and the four separators 1C … 1F.
const WHITESPACE = "[\\s\\x1c-\\x1f]+";
// Contractions, runs of letters, single digits, runs of anything else (simple_tokenizer.py, line
// 78).
const WORDS = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/**
 * CLIP's own tokenizer: 49,408 tokens, start of text 49406, end of text 49407.
 *
 * @param mergesFile     OpenAI's `bpe_simple_vocab_16e6.txt.gz`, or unzipped
 * @param contextLength  T; tokens
 * @throws               UserError when the file is missing or another
 */
export function clipTokenizer(mergesFile: string, contextLength = CLIP_CONTEXT): Tokenizer {
  checkContext("clipTokenizer", contextLength);
  const json = describe(readClipMerges(mergesFile), contextLength);
  try {
    const tokenizer = tokenizerFromJson(json);
    if (tokenizer.vocabularySize === CLIP_VOCABULARY) return tokenizer;
    throw new UserError(`its merges make ${tokenizer.vocabularySize} symbols`);
  } catch (error) {
    throw new UserError(
      `${mergesFile}: must be CLIP's merges, of ${CLIP_VOCABULARY} symbols; ` +
        `${(error as Error).message}; take the file from github.com/openai/CLIP, clip/`,
    );
  }
}

/**
 * A tokenizer learnt from captions: CLIP's in all but its merges.
 *
 * The merges are those of `learnMerges`; the vocabulary is smaller than asked for when no pair
 * occurs twice any more.
 *
 * @param captions                the training captions
 * @param options.vocabularySize  at most; at least 514 (512 byte symbols, 2 control tokens)
 * @param options.contextLength   T; tokens
 * @throws                        UserError when the vocabulary cannot hold the byte symbols
 */
export function learnTokenizer(
  captions: readonly string[],
  options: { readonly vocabularySize: number; readonly contextLength?: number },
): Tokenizer {
  const { vocabularySize, contextLength = CLIP_CONTEXT } = options;
  const most = vocabularySize - BYTE_SYMBOLS - CONTROL_TOKENS;
  if (!Number.isInteger(most) || most < 0) {
    throw new UserError(
      `learnTokenizer: the vocabulary must hold ${BYTE_SYMBOLS} byte symbols and ${CONTROL_TOKENS} ` +
        `control tokens; found ${vocabularySize}; choose ${BYTE_SYMBOLS + CONTROL_TOKENS} or more`,
    );
  }
  const core = coreOf(describe([], contextLength));
  const counts = new Map<string, number>();
  for (const caption of captions) {
    const words = core.pre_tokenizer!.pre_tokenize(
      core.normalizer!.normalize(unescapeHtml(caption)),
    );
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return tokenizerFromJson(describe(learnMerges(counts, most, WORD_END), contextLength));
}

/**
 * A tokenizer with those merges alone that captions use: these captions have the tokens that they
 * had, under new ids; other words have shorter ones, bytes in the end.
 *
 * @param tokenizer  CLIP's, whose 49,408 tokens a small corpus mostly leaves untrained
 * @param captions   the training captions
 */
export function compactTokenizer(tokenizer: Tokenizer, captions: readonly string[]): Tokenizer {
  const json = tokenizer.toJSON();
  const { vocab, merges } = json.model;
  const symbols = Object.keys(vocab).sort((a, b) => vocab[a]! - vocab[b]!);
  const core = coreOf(json);
  const used = new Set(
    captions.flatMap((caption) =>
      core.encode(unescapeHtml(caption)).ids.map((id: number) => symbols[id]!),
    ),
  );
  const kept: [string, string][] = [];
  // From the last: what a symbol is merged of was merged before it.
  for (const [left, right] of merges.toReversed()) {
    if (!used.has(left + right)) continue;
    used.add(left).add(right);
    kept.unshift([left, right]);
  }
  return tokenizerFromJson(describe(kept, json.truncation.max_length));
}

/**
 * The tokenizer that `toJSON` described.
 *
 * @param json  as saved with a checkpoint
 * @throws      UserError when it is not one of ours
 */
export function tokenizerFromJson(json: TokenizerJson): Tokenizer {
  checkJson(json);
  const core = coreOf(json);
  const contextLength = json.truncation.max_length;
  const end = json.model.vocab[END]!;
  const encodeTo = (caption: string, most: number) => {
    const ids = core.encode(unescapeHtml(caption)).ids;
    return ids.length <= most ? ids : [...ids.slice(0, most - 1), end];
  };
  return {
    vocabularySize: Object.keys(json.model.vocab).length,
    contextLength,
    encode: (caption) => encodeTo(caption, contextLength),
    encodeBatch(captions, most = contextLength) {
      checkContext("encodeBatch", most);
      const ids = new Uint32Array(captions.length * most);
      const ends = new Uint32Array(captions.length);
      captions.forEach((caption, row) => {
        const tokens = encodeTo(caption, most);
        ids.set(tokens, row * most);
        ends[row] = tokens.length - 1;
      });
      return { ids, ends };
    },
    toJSON: () => json,
  };
}

/** Undo HTML escapes, twice, for captions that were escaped twice on their way through the web. */
function unescapeHtml(caption: string): string {
  return decodeHTML(decodeHTML(caption));
}

function coreOf(json: TokenizerJson): Core {
  return new Core(json, {});
}

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
function describe(merges: [string, string][], contextLength: number): TokenizerJson {
  const bytes = byteSymbols();
  const symbols = new Set([
    ...bytes,
    ...bytes.map((byte) => byte + WORD_END),
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

function checkContext(where: string, contextLength: number): void {
  if (Number.isInteger(contextLength) && contextLength >= 2) return;
  throw new UserError(
    `${where}: the context must hold a start and an end of text; found ${contextLength} tokens; choose 2 or more`,
  );
}

/**
 * Ids must be 0 … V−1, V−2 and V−1 the control tokens, and every merge made of symbols, and make
 * one.
 */
function checkJson(json: TokenizerJson): void {
  const wrong = (found: string) =>
    new UserError(
      `tokenizer: must be a byte-pair tokenizer.json of ours; ${found}; use the one saved with the checkpoint`,
    );
  const { vocab, merges } = json.model ?? {};
  if (!vocab || !merges || !json.truncation) throw wrong("model or truncation is missing");
  checkContext("tokenizer", json.truncation.max_length);
  const ids = Object.values(vocab).sort((a, b) => a - b);
  if (ids.some((id, i) => id !== i)) throw wrong("ids are not 0, 1, 2, …");
  if (vocab[START] !== ids.length - 2 || vocab[END] !== ids.length - 1) {
    throw wrong("the control tokens are not the last two");
  }
  const known = (symbol: string) => Object.hasOwn(vocab, symbol);
  const odd = merges.find(([a, b]) => !known(a) || !known(b) || !known(a + b));
  if (odd) throw wrong(`the merge ${odd.join(" ")} has an unknown part`);
}
