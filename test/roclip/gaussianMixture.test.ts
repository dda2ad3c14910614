import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fitMixture, upperProbabilities } from "../../roclip/baselines/gaussianMixture.ts";

interface Found {
  readonly values: number[];
  readonly weights: number[];
  readonly means: number[];
  readonly variances: number[];
  readonly upper: number[];
}

const file = new URL("../golden/mixture.json", import.meta.url); // mixture.py beside it
const golden: Record<string, Found> = JSON.parse(readFileSync(file, "utf8"));
const DIGITS = 6;

describe("fitMixture", () => {
  it.each(Object.entries(golden))("finds what scikit-learn does: %s", (_, expected) => {
    const values = Float64Array.from(expected.values);
    const mixture = fitMixture(values);
    for (const [i, { weight, mean, variance }] of mixture.entries()) {
      expect(weight).toBeCloseTo(expected.weights[i]!, DIGITS);
      expect(mean).toBeCloseTo(expected.means[i]!, DIGITS);
      expect(variance).toBeCloseTo(expected.variances[i]!, DIGITS);
    }
    const upper = upperProbabilities(values, mixture);
    for (const [i, p] of upper.entries()) expect(p).toBeCloseTo(expected.upper[i]!, DIGITS);
  });

  it("takes equal values, and two", () => {
    for (const values of [
      [0.5, 0.5, 0.5],
      [0.1, 0.9],
    ]) {
      const given = Float64Array.from(values);
      const mixture = fitMixture(given);
      for (const { weight, variance } of mixture)
        for (const x of [weight, variance]) expect(x).toBeGreaterThan(0);
      for (const p of upperProbabilities(given, mixture)) expect(p).toBeGreaterThanOrEqual(0);
    }
  });
});
