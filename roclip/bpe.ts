/** Byte-pair merges learnt from word counts. */

type Pair = readonly [string, string];

interface Word {
  symbols: string[];
  readonly count: number;
}

/** How often each pair occurs, and in which words. */
type Occurrences = Map<string, { readonly pair: Pair; count: number; readonly words: Set<Word> }>;

const LEAST_COUNT = 2; // a pair seen once would be a merge for a single caption

/**
 * Learn merges: again and again, the most frequent pair of neighbouring symbols becomes one symbol.
 *
 * Of several pairs equally frequent the first in code-unit order is taken (left symbol, then
 * right), so the result depends on the counts alone, not on the order of the captions.
 *
 * @param counts   how often each word occurs; a word's characters are its first symbols
 * @param most     merges to learn, at most
 * @param wordEnd  joined to the last symbol of every word
 * @returns        pairs, first merge first; fewer than `most` when no pair occurs twice any more
 * @see            Sennrich, Haddow & Birch 2016, arXiv:1508.07909, algorithm 1
 */
export function learnMerges(
  counts: ReadonlyMap<string, number>,
  most: number,
  wordEnd: string,
): [string, string][] {
  const occurrences: Occurrences = new Map();
  for (const [text, count] of counts) {
    const symbols = Array.from(text);
    if (symbols.length === 0) continue;
    symbols[symbols.length - 1] += wordEnd;
    tally(occurrences, { symbols, count }, 1);
  }
  const merges: [string, string][] = [];
  while (merges.length < most) {
    const best = mostFrequent(occurrences);
    if (!best) break;
    merges.push([best.pair[0], best.pair[1]]);
    for (const word of [...best.words]) {
      tally(occurrences, word, -1);
      word.symbols = merge(word.symbols, best.pair);
      tally(occurrences, word, 1);
    }
  }
  return merges;
}

/** Add (sign 1) or take away (sign −1) the pairs of one word. */
function tally(occurrences: Occurrences, word: Word, sign: 1 | -1): void {
  for (let i = 0; i + 1 < word.symbols.length; i++) {
    const pair: Pair = [word.symbols[i]!, word.symbols[i + 1]!];
    const key = pair.join(" "); // no symbol has a space: bytes are printable characters here
    let entry = occurrences.get(key);
    if (!entry) {
      entry = { pair, count: 0, words: new Set() };
      occurrences.set(key, entry);
    }
    entry.count += sign * word.count;
    if (sign > 0) entry.words.add(word);
    else entry.words.delete(word);
    if (entry.count === 0) occurrences.delete(key);
  }
}

function mostFrequent(occurrences: Occurrences) {
  let best: { pair: Pair; count: number; words: Set<Word> } | undefined;
  for (const entry of occurrences.values()) {
    if (entry.count < LEAST_COUNT || (best && entry.count < best.count)) continue;
    if (!best || entry.count > best.count || before(entry.pair, best.pair)) best = entry;
  }
  return best;
}

function before([a, b]: Pair, [c, d]: Pair): boolean {
  return a < c || (a === c && b < d);
}

/** `symbols` with every occurrence of the pair joined, from the left. */
function merge(symbols: readonly string[], [left, right]: Pair): string[] {
  const merged: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] === left && symbols[i + 1] === right) merged.push(left + symbols[++i]!);
    else merged.push(symbols[i]!);
  }
  return merged;
}
