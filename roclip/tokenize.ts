/**
 * Captions to token ids: byte-pair encoding as CLIP does it, with CLIP's merges or with merges
 * learnt from the training captions.
 *
 * Both tokenizers are one program (a `tokenizer.json`) with other merges, and differ from OpenAI's
 * in three declared points.
 * - OpenAI first repairs text with ftfy, which has no npm equivalent: only its NFC is here, before
 *   and after HTML's escapes are undone. ftfy also mends text decoded by a wrong code page, makes
 *   quotes straight, ligatures and wide forms plain, drops control characters and terminal escapes,
 *   and undoes HTML's escapes a third time.
 * - A caption cannot spell a control token: "<|endoftext|>" is text, since captions are untrusted
 *   and an end-of-text in the middle would move the pooled position.
 * - Letters newer than the Unicode that one of Node and Python has are letters to the other only.
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
import {
  checkContext,
  describeTokenizer,
  END,
  parseTokenizer,
  type TokenizerJson,
  WORD_END,
} from "./tokenizerJson.ts";

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

const CLIP_CONTEXT = 77; // tokens; Radford et al. 2021, arXiv:2103.00020, §2.4
const BYTE_SYMBOLS = 512; // each of 256 bytes, within a word and at its end
const CONTROL_TOKENS = 2;
/**
 * CLIP's own tokenizer: 49,408 tokens, start of text 49406, end of text 49407.
 *
 * @param mergesFile     OpenAI's `bpe_simple_vocab_16e6.txt.gz`, or unzipped
 * @param contextLength  T; tokens
 * @throws               UserError when the file is missing, or its merges are not CLIP's
 */
export function clipTokenizer(mergesFile: string, contextLength = CLIP_CONTEXT): Tokenizer {
  checkContext("clipTokenizer", contextLength);
  return tokenizerFromJson(describeTokenizer(readClipMerges(mergesFile), contextLength));
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
  const core = coreOf(describeTokenizer([], contextLength));
  const counts = new Map<string, number>();
  for (const caption of captions) {
    const words = core.pre_tokenizer!.pre_tokenize(core.normalizer!.normalize(clean(caption)));
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return tokenizerFromJson(describeTokenizer(learnMerges(counts, most, WORD_END), contextLength));
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
      core.encode(clean(caption)).ids.map((id: number) => symbols[id]!),
    ),
  );
  const kept: [string, string][] = [];
  // From the last: what a symbol is merged of was merged before it.
  for (const [left, right] of merges.toReversed()) {
    if (!used.has(left + right)) continue;
    used.add(left).add(right);
    kept.unshift([left, right]);
  }
  return tokenizerFromJson(describeTokenizer(kept, json.truncation.max_length));
}

/**
 * The tokenizer that `toJSON` described.
 *
 * @param json  as saved with a checkpoint; all that is taken of it are merges and context
 * @throws      UserError when it is not one of ours
 */
export function tokenizerFromJson(json: TokenizerJson): Tokenizer {
  const own = parseTokenizer(json);
  const core = coreOf(own);
  const contextLength = own.truncation.max_length;
  const end = own.model.vocab[END]!;
  const encodeTo = (caption: string, most: number) => {
    const ids = core.encode(clean(caption)).ids;
    return ids.length <= most ? ids : [...ids.slice(0, most - 1), end];
  };
  return {
    vocabularySize: end + 1,
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
    toJSON: () => own,
  };
}

// What Python's html.unescape takes for a reference: by number in tens or sixteens, or by name.
const REFERENCE = /&(?:#(?:([0-9]+)|[xX]([0-9a-fA-F]+));?|[^\t\n\f <&#;]{1,32};?)/g;

/** Whether html.unescape leaves out what has this number: a control or no character at all. */
function isDropped(code: number): boolean {
  const control = (code < 0x20 && ![0, 0x9, 0xa, 0xc, 0xd].includes(code)) || code === 0x7f;
  const none = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
  return code <= 0x10ffff && (control || none);
}

/**
 * Undo HTML escapes.
 *
 * @see html.unescape in Python, Lib/html/__init__.py (_replace_charref)
 */
function unescapeHtml(text: string): string {
  return text.replace(REFERENCE, (reference, tens?: string, sixteens?: string) => {
    const code = tens ? Number(tens) : sixteens ? Number.parseInt(sixteens, 16) : Number.NaN;
    return isDropped(code) ? "" : decodeHTML(reference);
  });
}

/** Whether Python's str.strip takes a character for white space: 1C … 1F beside the rest. */
function isSpace(char: string): boolean {
  return /\p{White_Space}/u.test(char) || (char >= "\x1c" && char <= "\x1f");
}

/** What of a caption is encoded. Some were escaped twice on their way through the web. */
function clean(caption: string): string {
  const text = unescapeHtml(unescapeHtml(caption.normalize("NFC")));
  let [start, end] = [0, text.length];
  while (start < end && isSpace(text[start]!)) start++;
  while (end > start && isSpace(text[end - 1]!)) end--;
  return text.slice(start, end);
}

function coreOf(json: TokenizerJson): Core {
  return new Core(json, {});
}
