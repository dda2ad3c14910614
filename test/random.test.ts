import { describe, expect, it } from "vitest";
import { fold, keyOf, philox, stream } from "../engine/random.ts";

// Random123 1.09, tests/kat_vectors, "philox4x32 10"; Salmon et al. 2011.
const VECTORS = [
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    expected: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    expected: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    expected: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
] as const;

describe("philox on the host", () => {
  for (const { counter, key, expected } of VECTORS)
    it(`agrees with the published vector for counter ${counter[0].toString(16)}`, () => {
      expect(philox(key, counter)).toEqual([...expected]);
    });

  it("makes a permutation of every index, the same for the same key", () => {
    const order = stream(keyOf(7)).permutation(1000);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(order).toEqual(stream(keyOf(7)).permutation(1000));
    expect(order).not.toEqual(stream(fold(keyOf(7), 1)).permutation(1000));
  });

  it("draws uniforms and normals with the right moments", () => {
    const draws = stream(keyOf(1));
    const n = 50_000;
    const mean = (f: () => number) => Array.from({ length: n }, f).reduce((s, x) => s + x, 0) / n;
    expect(mean(() => draws.uniform())).toBeCloseTo(0.5, 2);
    expect(mean(() => draws.normal())).toBeCloseTo(0, 1);
    expect(mean(() => draws.normal() ** 2)).toBeCloseTo(1, 1);
  });
});
