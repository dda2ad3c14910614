/** Augmentation: the device against torchvision, and what is drawn against its distributions. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  augment,
  COLOUR_CHANGES,
  compile,
  constant,
  type Device,
  DRAW,
  DRAWS,
  fold,
  keyOf,
  normalise,
  openDevice,
  type Tensor,
} from "../../engine/index.ts";
import {
  AUGMENT_DEFAULTS,
  type AugmentConfig,
  drawAugmentation,
  drawOne,
  identityDraws,
} from "../../roclip/augment.ts";

type Field = Exclude<keyof typeof DRAW, "order">;
/** A draw in words, as `test/golden/augment.py` writes it; σ in pixels. */
type Drawn = Readonly<Record<Field | "taps", number>> & { readonly order: readonly number[] };

interface Golden {
  readonly source: number;
  /** u8[source, source, 3] */
  readonly image: readonly number[];
  readonly cases: readonly {
    readonly name: string;
    readonly size: number;
    readonly draw: Drawn;
    readonly normalised: boolean;
    /** f32[size, size, 3] */
    readonly expected: readonly number[];
  }[];
}

const root = new URL("../../", import.meta.url);
const golden: Golden = JSON.parse(readFileSync(new URL("test/golden/augment.json", root), "utf8"));
const image = constant(new Uint32Array(Uint8Array.from(golden.image).buffer), [
  1,
  golden.image.length / 4,
]);
const AS_THEY_ARE = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

function packed(draw: Drawn, size: number): Float32Array {
  const row = new Float32Array(DRAWS);
  for (const [name, at] of Object.entries(DRAW))
    if (name !== "order") row[at] = draw[name as Field];
  row.set(draw.order, DRAW.order);
  row[DRAW.sigma] = draw.sigma / size;
  return row;
}

/**
 * Both compute in f32, in another order: each of some 10 steps rounds values below 1, and torch's
 * hue, kept in turns, is rounded at 6e-8 and stretched sixfold. The file is rounded at 5e-8.
 */
const TOLERANCE = 2e-6;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

async function values(y: Tensor): Promise<number[]> {
  const plan = await compile(device, { outputs: { y } });
  plan.run();
  const found = await plan.read("y");
  plan.destroy();
  return Array.from(found.y!);
}

describe("augment agrees with torchvision", () => {
  for (const { name, size, draw, normalised, expected } of golden.cases)
    it(name, async () => {
      const draws = constant(packed(draw, size), [1, DRAWS]);
      const y = augment(image, draws, {
        size,
        source: golden.source,
        blurKernel: draw.taps / size,
        ...(normalised ? {} : AS_THEY_ARE),
      });
      const found = await values(y);
      const worst = expected.reduce((most, v, i) => Math.max(most, Math.abs(v - found[i]!)), 0);
      expect(found.length).toBe(expected.length);
      // Normalising divides by 0.26 and more.
      expect(worst).toBeLessThanOrEqual(TOLERANCE * (normalised ? 4 : 1));
    });
});

describe("a draw that changes nothing", () => {
  it("gives what evaluation sees, but for how 255 is divided by", async () => {
    const draws = constant(identityDraws(1, golden.source), [1, DRAWS]);
    const seen = await values(normalise(image, { size: golden.source }));
    const found = await values(augment(image, draws, { size: golden.source }));
    // WGSL promises quotients to 2.5 units in the last place, which here is at most 1.2e-7.
    expect(found.every((v, i) => Math.abs(v - seen[i]!) < 6e-7)).toBe(true);
  });

  it("leaves bytes as they are but for their scale", async () => {
    const found = await values(normalise(image, { size: golden.source, ...AS_THEY_ARE }));
    expect(found.every((v, i) => Math.abs(v * 255 - golden.image[i]!) < 1e-4)).toBe(true);
  });
});

describe("the layout of a draw", () => {
  it("is the same on the host and in WGSL", () => {
    const source = readFileSync(new URL("kernels/lib/draw.wgsl", root), "utf8");
    const fields = [...source.matchAll(/^ {2}(\w+): (f32|array<f32, 4>),/gm)];
    let at = 0;
    const places = fields.map(([, name, type]) => {
      const place = [name, at];
      at += type === "f32" ? 1 : 4;
      return place;
    });
    expect(Object.fromEntries(places)).toEqual(DRAW);
    expect(at).toBe(DRAWS);
    expect(COLOUR_CHANGES.map((name) => DRAW[name] - DRAW.brightness)).toEqual([0, 1, 2, 3]);
  });
});

const COUNT = 4000;
const SIDE = 100;

type Columns = Readonly<Record<Field, readonly number[]>> & {
  /** Each order as text, "0123". */
  readonly orders: readonly string[];
};

/** `COUNT` draws, by field. */
function manyDraws(config: Partial<AugmentConfig> = {}, side = SIDE): Columns {
  const all = drawAugmentation({ ...AUGMENT_DEFAULTS, ...config }, keyOf(7), COUNT, side);
  const rows = Array.from({ length: COUNT }, (_, i) => all.subarray(i * DRAWS, (i + 1) * DRAWS));
  const columns = Object.entries(DRAW).map(([name, at]) => [name, rows.map((row) => row[at]!)]);
  const orders = rows.map((row) => row.subarray(DRAW.order, DRAW.order + 4).join(""));
  return { ...Object.fromEntries(columns), orders };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;

/** Expects values of U(low, high): bounds, and two moments within 4 deviations of theirs. */
function expectUniform(values: readonly number[], low: number, high: number, what: string) {
  const unit = values.map((v) => (v - low) / (high - low));
  expect(Math.min(...unit), `${what}, least`).toBeGreaterThanOrEqual(-1e-6);
  expect(Math.max(...unit), `${what}, most`).toBeLessThanOrEqual(1 + 1e-6);
  const near = (found: number, moment: number, variance: number) =>
    expect(Math.abs(found - moment), what).toBeLessThan(4 * Math.sqrt(variance / values.length));
  near(mean(unit), 1 / 2, 1 / 12);
  near(mean(unit.map((v) => v * v)), 1 / 3, 4 / 45);
}

function expectShare(values: readonly boolean[], share: number, what: string) {
  const found = mean(values.map(Number));
  const deviation = Math.sqrt((share * (1 - share)) / values.length);
  expect(Math.abs(found - share), what).toBeLessThanOrEqual(4 * deviation);
}

describe("drawAugmentation", () => {
  it("draws any image alone as in its batch, and another for another key", () => {
    const key = keyOf(3);
    const batch = drawAugmentation(AUGMENT_DEFAULTS, key, 9, 32);
    expect(drawAugmentation(AUGMENT_DEFAULTS, key, 9, 32)).toEqual(batch);
    const fifth = drawOne(AUGMENT_DEFAULTS, fold(key, 5), 32);
    expect(fifth).toEqual(batch.slice(5 * DRAWS, 6 * DRAWS));
    expect(drawAugmentation(AUGMENT_DEFAULTS, keyOf(4), 9, 32)).not.toEqual(batch);
  });

  it("crops whole pixels inside the image, in the ranges of area and ratio", () => {
    const { top, left, height, width } = manyDraws();
    for (let i = 0; i < COUNT; i++) {
      const box = [top, left, height, width].map((values) => values[i]!);
      expect(box.every(Number.isInteger)).toBe(true);
      const [t, l, h, w] = box as [number, number, number, number];
      expect(Math.min(t, l, h - 1, w - 1, SIDE - t - h, SIDE - l - w)).toBeGreaterThanOrEqual(0);
      expect((h * w) / SIDE ** 2).toBeGreaterThan(0.08 - 0.004); // sides are rounded
      expect(Math.abs(Math.log(w / h))).toBeLessThan(Math.log(4 / 3) + 0.035);
    }
    expect(Math.abs(mean(top.map((t, i) => t - left[i]!)))).toBeLessThan(1.5);
  });

  it("draws area, ratio and place uniformly where every box fits", () => {
    const { top, height, width } = manyDraws({ cropScale: [0.1, 0.5] }, 4000);
    const area = height.map((h, i) => (h * width[i]!) / 4000 ** 2);
    expectUniform(area, 0.1 - 1e-4, 0.5 + 1e-4, "area");
    const ratio = height.map((h, i) => Math.log(width[i]! / h));
    expectUniform(ratio, Math.log(3 / 4) - 1e-3, Math.log(4 / 3) + 1e-3, "log ratio");
    const place = top.map((t, i) => t / (4000 - height[i]!));
    expectUniform(place, 0, 1, "top");
  });

  it("falls back to the middle when no box fits", () => {
    const first = (config: Partial<AugmentConfig>) => {
      const { top, left, height, width } = manyDraws(config);
      return [top, left, height, width].map((values) => values[0]);
    };
    expect(first({ cropScale: [1, 1], cropRatio: [2, 4] })).toEqual([25, 0, 50, 100]);
    expect(first({ cropScale: [1, 1], cropRatio: [1 / 4, 1 / 2] })).toEqual([0, 25, 100, 50]);
    expect(first({ cropScale: [1.1, 1.2] })).toEqual([0, 0, SIDE, SIDE]);
  });

  it("flips, turns gray and jitters as often as it should", () => {
    const { flip, grayscale, hue, ...rest } = manyDraws();
    const share = (values: readonly number[]) => values.map((value) => value !== 0);
    expectShare(share(flip), 0.5, "flip");
    expectShare(share(grayscale), 0.2, "grayscale");
    expectShare(share(hue), 0.8, "jitter");
    for (const name of ["brightness", "contrast", "saturation"] as const)
      expect(rest[name].filter((_, i) => hue[i] === 0).every((f) => f === 1)).toBe(true);
  });

  it("draws factors, hue and blur uniformly and apart", () => {
    const drawn = manyDraws({ jitterProbability: 1, saturation: 2 });
    expectUniform(drawn.brightness, 0.5, 1.5, "brightness");
    expectUniform(drawn.contrast, 0.5, 1.5, "contrast");
    expectUniform(drawn.saturation, 0, 3, "saturation");
    expectUniform(drawn.hue, -0.1, 0.1, "hue");
    expectUniform(drawn.sigma, 0.1 / 224, 2 / 224, "sigma");
    const together = drawn.brightness.map((b, i) => (b - 1) * (drawn.contrast[i]! - 1));
    expect(Math.abs(mean(together))).toBeLessThan(4 / 12 / Math.sqrt(COUNT));
  });

  it("orders the changes of colour in all 24 ways equally", () => {
    const seen = new Map<string, number>();
    for (const order of manyDraws().orders) {
      expect([...order].sort().join("")).toBe("0123");
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(24);
    const expected = COUNT / 24;
    for (const [order, count] of seen)
      expect(Math.abs(count - expected), order).toBeLessThan(4.5 * Math.sqrt(expected));
  });
});
