/** No time is taken of a wrong result. */
import type { HostData } from "../../engine/graph.ts";
import type { Expected, Named } from "./job.ts";

/**
 * Compare results with what they must be.
 *
 * @param who        computed them, for the error
 * @param tolerance  largest error, relative to the largest magnitude expected of the same result
 * @returns          how many entries were compared
 * @throws           Error naming the entry that is furthest off
 */
export function checkResults(
  who: string,
  results: Named<HostData>,
  expected: readonly Expected[],
  tolerance: number,
): number {
  for (const { name, at, values } of expected) {
    const result = results[name];
    if (!result) throw new Error(`${who}: ${name} must be among the results; it is not`);
    const errors = at.map((index, i) => Math.abs((result[index] ?? Number.NaN) - values[i]!));
    const notFinite = errors.findIndex((error) => !Number.isFinite(error));
    const worst = notFinite >= 0 ? notFinite : errors.indexOf(Math.max(...errors));
    const largest = Math.max(...values.map(Math.abs));
    if (errors[worst]! <= tolerance * largest) continue;
    throw new Error(
      `${who}: ${name}[${at[worst]}] must be ${values[worst]} within ${tolerance} of ${largest}; ` +
        `it is ${result[at[worst]!]}; this is not timed`,
    );
  }
  return expected.reduce((sum, { at }) => sum + at.length, 0);
}

/** All entries of some results, for another engine to agree with. */
export function expectedFrom(results: Named<HostData>): Expected[] {
  return Object.entries(results).map(([name, data]) => ({
    name,
    at: Array.from(data, (_, i) => i),
    values: Array.from(data),
  }));
}
