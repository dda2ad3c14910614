import type { Dataset } from "./data/dataset.ts";

/** The classes of a data set: its labels without "", each once, in code-point order. */
export function classNames(dataset: Dataset): string[] {
  return [...new Set(dataset.labels)].filter((label) => label !== "").sort();
}

/** The place of each name among the classes; −1 where it is none of them. */
export function classIndices(classes: readonly string[], names: readonly string[]): number[] {
  return names.map((name) => classes.indexOf(name));
}

/** What captions call a class. */
export function namesOf({ names }: Pick<Dataset, "names">, label: string): readonly string[] {
  return names?.[label] ?? [label];
}

/**
 * A test of whether a caption contains one of `names` as a whole word (or phrase): without regard to
 * case, any white space between its words, no letter, mark, digit or underscore touching its ends.
 *
 * @see Carlini & Terzis 2022, arXiv:2106.09667, §3.1: captions are found by the label in their text
 */
export function mentions(...names: readonly string[]): (caption: string) => boolean {
  const word = "[\\p{L}\\p{M}\\p{N}_]";
  const phrases = names.map((name) =>
    name
      .trim()
      .replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
      .replace(/\s+/g, "\\s+"),
  );
  const pattern = new RegExp(`(?<!${word})(?:${phrases.join("|")})(?!${word})`, "iu");
  return (caption) => pattern.test(caption);
}

/** Rows whose caption names a class, by whole words. */
export function rowsMentioning(
  dataset: Pick<Dataset, "captions" | "names">,
  label: string,
): number[] {
  const named = mentions(...namesOf(dataset, label));
  return dataset.captions.flatMap((caption, row) => (named(caption) ? [row] : []));
}

/**
 * Put rows in an order that uses each different caption once before any is used again, so that the
 * first n hold as many different captions as there are.
 *
 * @param rows  in the order wanted among equals
 */
export function variedFirst(rows: readonly number[], captions: readonly string[]): number[] {
  const seen = new Map<string, number>();
  const ranked = rows.map((row) => {
    const repeat = seen.get(captions[row]!) ?? 0;
    seen.set(captions[row]!, repeat + 1);
    return { row, repeat };
  });
  return ranked.sort((a, b) => a.repeat - b.repeat).map(({ row }) => row);
}
