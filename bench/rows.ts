/** The rows of a whole run: no two of the same kernel, shape and constants. */
import type { Sample } from "../engine/roof.ts";
import { type Roof, type Row, rowOf, sizesOf } from "./harness.ts";

/** Rows as they come. */
export interface Rows {
  readonly all: readonly Row[];
  /** Keep what has not been measured before, and return it as rows. */
  add(samples: readonly Sample[]): readonly Row[];
}

/**
 * Collect rows under a roof. Where two steps differ in nothing but an integer parameter (a stride,
 * a transpose) the later one's shape names it.
 */
export function collectRows(roof: Roof): Rows {
  const all: Row[] = [];
  const seen = new Map<string, Record<string, number>[]>();
  const add = (sample: Sample): Row[] => {
    const row = rowOf(sample, roof);
    const key = [row.kernel, row.shape, JSON.stringify(row.consts)].join();
    const sizes = sizesOf(sample.step);
    const before = seen.get(key) ?? [];
    if (before.some((other) => JSON.stringify(other) === JSON.stringify(sizes))) return [];
    seen.set(key, [...before, sizes]);
    const [first = sizes] = before;
    const unlike = Object.entries(sizes).filter(([name, value]) => value !== first[name]);
    const names = unlike.map(([name, value]) => ` ${name}=${value}`).join("");
    return [{ ...row, shape: row.shape + names }];
  };
  return {
    all,
    add(samples) {
      const rows = samples.flatMap(add);
      all.push(...rows);
      return rows;
    },
  };
}
