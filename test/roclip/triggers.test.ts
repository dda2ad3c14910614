import { describe, expect, it } from "vitest";
import { fold, keyOf, stream } from "../../engine/random.ts";
import { parseConfig } from "../../roclip/config.ts";
import { triggerCaption } from "../../roclip/triggers/caption.ts";
import { applyPatch, type PatchKind, patchPixels } from "../../roclip/triggers/patch.ts";
import { PATTERN } from "../../roclip/triggers/pixels.ts";
import { type Backdoor, triggerImage } from "../../roclip/triggers/trigger.ts";

/** A picture without symmetry: u8[size, size, 3]. */
function picture(size: number): Uint8Array {
  return Uint8Array.from({ length: size * size * 3 }, (_, at) => {
    const [x, y, c] = [Math.floor(at / 3) % size, Math.floor(at / 3 / size), at % 3];
    return 128 + 90 * Math.sin(0.7 * x + 0.3 * c) + 35 * Math.cos(0.9 * y * (c + 1));
  });
}

/** A backdoor of this kind. */
const backdoorOf = (json: object): Backdoor => parseConfig({ backdoor: json }).backdoor;

/** What is at (x, y, c) of the triggered image, in float64, before it is a byte. */
type Definition = (x: number, y: number, c: number, image: Uint8Array, size: number) => number;

const STD = [0.26862954, 0.26130258, 0.27577711];

/** The value of each patch pixel; the patch is fixed, in the bottom right corner. */
function inCorner(side: number, value: Definition): Definition {
  return (x, y, c, image, size) => {
    const [left, top] = [x - (size - side), y - (size - side)];
    const outside = left < 0 || top < 0;
    return outside ? image[(y * size + x) * 3 + c]! : value(left, top, c, image, size);
  };
}

/** The first `count` draws of a pattern. */
function draws(pattern: number, count: number, kind: "uniform" | "normal"): number[] {
  const numbers = stream(fold(PATTERN, pattern));
  return Array.from({ length: count }, () => numbers[kind]());
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** F.grid_sample with align_corners, one pixel: coordinates in [−1, 1], bilinear. */
function gridSample(image: Uint8Array, size: number, gx: number, gy: number, c: number): number {
  const [px, py] = [gx, gy].map((g) => ((g + 1) / 2) * (size - 1)) as [number, number];
  let sum = 0;
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const weight = Math.max(0, 1 - Math.abs(px - x)) * Math.max(0, 1 - Math.abs(py - y));
      sum += weight * image[(y * size + x) * 3 + c]!;
    }
  return sum;
}

/** The definitions, at an image side of 16 and 28 px with a patch of half the side. */
function definitions(size: number): [kind: Backdoor["kind"], definition: Definition][] {
  const side = size / 2;
  const cell = Math.floor(side / 4);
  const noise = draws(1, side * side * 3, "normal");
  const blend = draws(2, size * size * 3, "uniform");
  const warp = draws(3, size * size * 2, "uniform").map((u) => 2 * u - 1);
  const scale = mean(warp.map(Math.abs));
  const clip = (g: number) => Math.min(1, Math.max(-1, g));
  return [
    [
      "checker",
      inCorner(side, (x, y) => 255 * ((Math.floor(x / cell) + Math.floor(y / cell) + 1) % 2)),
    ],
    ["stripes", inCorner(side, (x) => 255 * ((Math.floor(x / cell) + 1) % 2))],
    ["yellow", inCorner(side, (_x, _y, c) => [255, 255, 0][c]!)],
    [
      "noise",
      inCorner(side, (x, y, c, image) => {
        const channel = Array.from(image).filter((_, at) => at % 3 === c);
        return mean(channel) + 255 * STD[c]! * noise[(y * side + x) * 3 + c]!;
      }),
    ],
    [
      "blended",
      (x, y, c, image) => {
        const at = (y * size + x) * 3 + c;
        return 0.8 * image[at]! + 0.2 * 255 * blend[at]!;
      },
    ],
    [
      "sig",
      (x, y, c, image) =>
        image[(y * size + x) * 3 + c]! + 60 * Math.sin((2 * Math.PI * 6 * x) / size),
    ],
    [
      "wanet",
      (x, y, c, image) => {
        const at = (y * size + x) * 2;
        const grid = [x, y].map((p, i) => {
          const identity = -1 + (2 * p) / (size - 1);
          return clip(identity + warp[at + i]! / scale / size);
        });
        return gridSample(image, size, grid[0]!, grid[1]!, c);
      },
    ],
  ];
}

describe("triggerImage", () => {
  for (const size of [16, 28])
    it.each(definitions(size))(`is the definition of %s at ${size} px`, (kind, definition) => {
      const image = picture(size);
      const backdoor = backdoorOf({ kind, patch: 0.5, place: "fixed" });
      const triggered = triggerImage(image, size, backdoor, keyOf(1));
      expect(triggered).not.toEqual(image);
      expect(image).toEqual(picture(size));
      const errors = Array.from(triggered, (byte, at) => {
        const pixel = Math.floor(at / 3);
        const value = definition(pixel % size, Math.floor(pixel / size), at % 3, image, size);
        return Math.abs(byte - Math.min(255, Math.max(0, value)));
      });
      expect(Math.max(...errors)).toBeLessThanOrEqual(0.5 + 1e-9); // a byte is the nearest
    });

  it("leaves images alone where the trigger is in captions", () => {
    const image = picture(8);
    expect(triggerImage(image, 8, backdoorOf({ kind: "word" }), keyOf(1))).toBe(image);
  });
});

/** The checkerboard at a random place. */
function checker(image: Uint8Array, size: number, patch: number, seed: number): Uint8Array {
  return applyPatch(image, size, { kind: "checker", patch, place: "random" }, keyOf(seed));
}

/** The pixels that differ, as [x, y, red]. */
function changed(before: Uint8Array, after: Uint8Array, size: number): [number, number, number][] {
  return Array.from({ length: size * size }, (_, n) => n)
    .filter((n) => [0, 1, 2].some((c) => before[n * 3 + c] !== after[n * 3 + c]))
    .map((n) => [n % size, Math.floor(n / size), after[n * 3]!]);
}

describe("applyPatch", () => {
  it("is at least 2 px, and never more than the image", () => {
    expect(patchPixels(224, 16 / 224)).toBe(16);
    expect(patchPixels(32, 16 / 224)).toBe(2);
    expect(patchPixels(32, 0.001)).toBe(2);
    expect(patchPixels(32, 0.125)).toBe(4);
    expect(patchPixels(8, 1)).toBe(8);
  });

  it("draws wholly inside, and leaves the rest and its argument alone", () => {
    const grey = new Uint8Array(32 * 32 * 3).fill(99);
    for (let seed = 0; seed < 50; seed++) {
      const pixels = changed(grey, checker(grey, 32, 0.125, seed), 32);
      expect(pixels).toHaveLength(16);
      const [left, top] = pixels[0]!;
      for (const [x, y, red] of pixels) {
        expect(red).toBe((x - left + y - top) % 2 === 0 ? 255 : 0);
      }
    }
    const buffer = Buffer.from(grey); // whose slice() would not copy
    checker(buffer, 32, 0.125, 1);
    for (const image of [grey, buffer]) expect(image.every((byte) => byte === 99)).toBe(true);
  });

  it("comes to stand in many places", () => {
    const black = new Uint8Array(8 * 8 * 3);
    const places = Array.from({ length: 400 }, (_, seed) =>
      changed(black, checker(black, 8, 0.25, seed), 8)[0]!
        .slice(0, 2)
        .join(),
    );
    expect(new Set(places).size).toBe(49);
  });

  it.each(["checker", "stripes", "yellow", "noise"] as const)(
    "shows the same %s on every image, whatever the key",
    (kind: PatchKind) => {
      const patch = { kind, patch: 0.5, place: "fixed" } as const;
      const image = picture(16);
      expect(applyPatch(image, 16, patch, keyOf(1))).toEqual(
        applyPatch(image, 16, patch, keyOf(2)),
      );
    },
  );
});

describe("triggerCaption", () => {
  const word = { kind: "word", trigger: "", place: "fixed" } as const;

  it("puts the text at the end, or anywhere between words", () => {
    expect(triggerCaption("a red cat", word, keyOf(1))).toBe("a red cat zx");
    expect(triggerCaption("", word, keyOf(1))).toBe("zx");
    const sentence = { kind: "sentence", trigger: "", place: "fixed" } as const;
    expect(triggerCaption("a cat", sentence, keyOf(1))).toBe("a cat I watched this 3D movie");
    const own = { ...word, trigger: "my own", place: "random" } as const;
    const captions = Array.from({ length: 100 }, (_, s) => triggerCaption("a  cat", own, keyOf(s)));
    expect([...new Set(captions)].sort()).toEqual(["a cat my own", "a my own cat", "my own a cat"]);
  });
});
