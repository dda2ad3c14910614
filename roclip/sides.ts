/**
 * The two sides of pairs that are judged crosswise (`roclip.judgeCrosswise`), each by a model that
 * has not trained on it. Images that look alike are on one side: of what an attacker repeats, a
 * model that has trained on one copy has seen all.
 */
import { fold, keyOf, stream } from "../engine/index.ts";
import { type Dataset, imageOf } from "./data/dataset.ts";
import { UserError } from "./errors.ts";
import type { Config } from "./schema.ts";

const SIDES_KEY = 0x73696465; // "side": the order in which groups of images take sides
const CELLS = 4; // a side of the grid that images are compared by

/**
 * What images that look alike have in common: which cells of a 4 × 4 grid are lighter than their
 * mean.
 *
 * @returns  16 bits
 * @see      Krawetz 2011, "Looks Like It", hackerfactor.com/blog: average hash, there of 8 × 8
 */
export function averageHash(train: Dataset, row: number): number {
  const { size } = train;
  const sums = new Float64Array(CELLS * CELLS);
  const areas = new Float64Array(CELLS * CELLS);
  const cellOf = (at: number) => Math.floor((at * CELLS) / size);
  imageOf(train, row).forEach((value, i) => {
    const pixel = Math.floor(i / 3);
    const cell = cellOf(Math.floor(pixel / size)) * CELLS + cellOf(pixel % size);
    sums[cell]! += value;
    areas[cell]! += 1;
  });
  const means = sums.map((sum, cell) => sum / areas[cell]!);
  const middle = means.reduce((sum, mean) => sum + mean, 0) / means.length;
  return means.reduce((bits, mean, cell) => (mean > middle ? bits | (1 << cell) : bits), 0);
}

/**
 * Two sides of about as many pairs: groups of look-alikes, in random order, each join the smaller.
 *
 * @returns  the rows of either
 * @throws   UserError when one has fewer than a batch, as nearly all images look alike
 */
export function sidesOf(
  { seed, batch }: Pick<Config, "seed" | "batch">,
  train: Dataset,
): [Uint32Array, Uint32Array] {
  const groups = new Map<number, number[]>();
  for (const row of train.ids.keys()) {
    const hash = averageHash(train, row);
    groups.set(hash, [...(groups.get(hash) ?? []), row]);
  }
  const lists = [...groups.values()];
  const sides: [number[], number[]] = [[], []];
  for (const at of stream(fold(keyOf(seed), SIDES_KEY)).permutation(lists.length)) {
    const smaller = sides[0].length <= sides[1].length ? sides[0] : sides[1];
    for (const row of lists[at]!) smaller.push(row);
  }
  const least = Math.min(sides[0].length, sides[1].length);
  if (least >= batch) return [Uint32Array.from(sides[0]), Uint32Array.from(sides[1])];
  throw new UserError(
    `roclip.judgeCrosswise: either side must have a batch of ${batch} pairs; one has ${least}, ` +
      `as images that look alike stay together (${lists.length} groups); leave it out`,
  );
}
