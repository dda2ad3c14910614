/** Decoded images beside PIL's and torchvision's (test/golden/resize.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../roclip/data/image.ts";

interface Case {
  readonly size: number;
  readonly png: string;
  readonly pixels: readonly number[];
  /** null where torchvision cuts another square. */
  readonly torchvision: readonly number[] | null;
}

const path = new URL("../golden/resize.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: readonly Case[] };

// Levels of 256. Both programs place the same kernel, libvips to the nearest 1/64 of a pixel (two
// levels at a full edge) with a box first where it shrinks fourfold or more, and both round to
// whole levels between the passes along rows and columns. The largest difference found is 4.
const MOST = 5;
const MEAN = 1.2;

/** The largest and the mean difference, in levels. */
function difference(made: Uint8Array, wanted: readonly number[]) {
  expect(made).toHaveLength(wanted.length);
  const levels = wanted.map((level, i) => Math.abs(level - made[i]!));
  const sum = levels.reduce((total, level) => total + level, 0);
  return { most: Math.max(...levels), mean: sum / levels.length };
}

describe("decodeImage", () => {
  it.each(cases.map((found, i) => [i, found] as const))(
    "is PIL's bicubic filter on the square in the middle, case %i",
    async (_, { size, png, pixels }) => {
      const made = await decodeImage(Buffer.from(png, "base64"), size, "cover");
      const { most, mean } = difference(made, pixels);
      expect(most).toBeLessThanOrEqual(MOST);
      expect(mean).toBeLessThanOrEqual(MEAN);
    },
  );

  it("is what torchvision makes, where it cuts the same square", async () => {
    const same = cases.filter(({ torchvision }) => torchvision);
    expect(same).toHaveLength(6);
    for (const { size, png, torchvision } of same) {
      const made = await decodeImage(Buffer.from(png, "base64"), size, "cover");
      const { most, mean } = difference(made, torchvision!);
      expect(most).toBeLessThanOrEqual(MOST);
      expect(mean).toBeLessThanOrEqual(MEAN);
    }
  });
});
