import type { Dataset } from "../../roclip/data/dataset.ts";

/** A data set of [caption, label] pairs whose image n is filled with byte n + 1. */
export function pairsOf(
  name: string,
  pairs: readonly (readonly [caption: string, label: string])[],
  size = 8,
): Dataset {
  const bytes = size * size * 3;
  const images = new Uint8Array(pairs.length * bytes);
  for (const index of pairs.keys()) images.fill(index + 1, index * bytes, (index + 1) * bytes);
  return {
    name,
    size,
    images,
    captions: pairs.map(([caption]) => caption),
    labels: pairs.map(([, label]) => label),
    ids: pairs.map((_, index) => `${name}/${index}`),
  };
}

/** Image `row` of a data set. */
export function imageOf({ images, size }: Dataset, row: number): Uint8Array {
  const bytes = size * size * 3;
  return images.subarray(row * bytes, (row + 1) * bytes);
}
