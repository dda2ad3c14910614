/** The search with fewer bits first: its answer is that of the search in f32, to the bit. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, openDevice } from "../engine/device.ts";
import { constant, type HostData } from "../engine/graph.ts";
import { hold, release } from "../engine/held.ts";
import { nearest } from "../engine/ops/nearest.ts";
import { quantiseRows } from "../engine/ops/quantiseRows.ts";
import { compile } from "../engine/plan.ts";
import { fold, keyOf, stream } from "../engine/random.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const B = 37;
const P = 1500; // twelve parts, of which a query may have eight that are gone through
const SEED = 7;
const MANY = 8; // nearest_floor.wgsl
const BITS = [16, 8] as const;

interface Rows {
  readonly queries: Float32Array;
  readonly pool: Float32Array;
}

/** An element of a pool or of the queries, by its row, its column and a normal draw. */
type Element = (draw: number, r: number, c: number) => number;

function made(D: number, ofPool: Element, ofQueries: Element = (draw) => draw): Rows {
  const rows = (count: number, of: Element, place: number) => {
    const draws = stream(fold(fold(keyOf(SEED), place), D));
    return Float32Array.from({ length: count * D }, (_, i) =>
      of(draws.normal(), Math.floor(i / D), i % D),
    );
  };
  return { queries: rows(B, ofQueries, 0), pool: rows(P, ofPool, 1) };
}

/** Some numbers that depend on the column alone. */
const wave = (c: number) => Math.sin(1 + 3 * c);

/** Operands by what is hard about them, and whether all rows must be searched for some query. */
const HARD: Readonly<Record<string, { readonly rows: (D: number) => Rows; again?: boolean }>> = {
  "spread out": { rows: (D) => made(D, (x) => x), again: false },
  "in pairs an ulp apart": {
    rows(D) {
      const { queries, pool } = made(D, (x) => x);
      for (let r = 1; r < P; r += 2)
        for (let c = 0; c < D; c++) pool[r * D + c] = pool[(r - 1) * D + c]! * (1 + 2 ** -23);
      return { queries, pool };
    },
  },
  "near one row, by 1e-4": { rows: (D) => made(D, (x, _, c) => wave(c) + 1e-4 * x), again: true },
  "near one row, by 1e-7": { rows: (D) => made(D, (x, _, c) => wave(c) + 1e-7 * x), again: true },
  "rising by an ulp": {
    rows: (D) =>
      made(
        D,
        (_, r, c) => wave(c) * (1 + r * 2 ** -23),
        (_, __, c) => wave(c),
      ),
    again: true,
  },
  "five rows again and again": {
    rows: (D) => made(D, (_, r, c) => wave(17 * (r % 5) + c)),
    again: true,
  },
  "one row alone": { rows: (D) => made(D, (_, __, c) => wave(c)), again: true },
  "of all lengths": {
    rows: (D) =>
      made(
        D,
        (x, r) => x * 10 ** (((r * 7) % 60) - 30),
        (x, r) => x * 10 ** (r - 20),
      ),
  },
  "so small that squares vanish": {
    rows: (D) =>
      made(
        D,
        (x) => x * 1e-30,
        (x) => x * 1e-12,
      ),
  },
  "beyond f16": { rows: (D) => made(D, (x, r) => (r % 50 === 0 ? 1e5 * x : x)) },
  "zero here and there": { rows: (D) => made(D, (x, r) => (r % 3 === 0 ? 0 : -Math.abs(x))) },
  "no numbers here and there": {
    rows: (D) =>
      made(
        D,
        (x, r, c) => (c === 1 && r % 97 === 5 ? [Number.NaN, Infinity, -Infinity][r % 3]! : x),
        (x, r, c) => (c === 0 && r % 9 === 4 ? [Number.NaN, Infinity, -Infinity][r % 3]! : x),
      ),
    again: true,
  },
};

/** Both searches of the same operands, and what the screen found. */
async function both(on: Device, { queries, pool }: Rows, D: number, bits: 16 | 8, filled: number) {
  const held = hold(device, {
    queries: { shape: [B, D], data: queries },
    pool: { shape: [P, D], data: pool },
  });
  const count = constant(Uint32Array.of(filled));
  const screen = quantiseRows(held.pool, bits);
  const found = nearest(held.queries, held.pool, { count, screen });
  const { again, found: parts } = found.index.producer!.reads;
  const exact = nearest(held.queries, held.pool, { count });
  const outputs = { ...found, again: again!, parts: parts! };
  const { words, bounds } = screen;
  const plans = [
    await compile(on, { outputs }),
    await compile(device, { outputs: { ...exact } }),
    await compile(device, { outputs: { words, bounds } }),
  ];
  const read: Record<string, HostData>[] = [];
  for (const plan of plans) {
    plan.run();
    read.push(await plan.read());
    plan.destroy();
  }
  release(device, held);
  const [{ index, score, ...inside }, whole, stored] = read as [
    Record<"index" | "score" | "again" | "parts", HostData>,
    Record<"index" | "score", HostData>,
    Record<"words" | "bounds", HostData>,
  ];
  return { found: { index, score }, whole, ...inside, ...stored, steps: plans[0]!.steps };
}

for (const bits of BITS)
  describe(`a search with ${bits} bits first`, () => {
    for (const [what, { rows, again }] of Object.entries(HARD))
      for (const [D, filled] of [
        [20, P],
        [64, 1333],
      ] as const)
        it(`finds the same among rows ${what}, ${filled} of width ${D}`, async () => {
          const run = await both(device, rows(D), D, bits, filled);
          expect(run.found).toEqual(run.whole);
          if (again !== undefined) expect(run.again.some((n) => n > 0)).toBe(again);
        });

    for (const filled of [0, 1, 129, P + 5])
      it(`finds the same of ${filled} rows`, async () => {
        const run = await both(
          device,
          made(20, (x) => x),
          20,
          bits,
          filled,
        );
        expect(run.found).toEqual(run.whole);
      });

    it("finds the same in windows", async () => {
      const D = 64;
      const low = { ...device, bindingBytes: 128 * D * 4 };
      const run = await both(
        low,
        made(D, (x, r, c) => (r % 2 ? x : wave(c))),
        D,
        bits,
        P,
      );
      expect(run.found).toEqual(run.whole);
      const launches = (name: string) =>
        run.steps.filter(({ dispatch }) => dispatch.kernel.name.startsWith(name)).length;
      expect(launches("nearest_rescore")).toBe(12);
      expect(launches("nearest_screen")).toBe(bits === 16 ? 6 : 3);
      expect(launches("quantise_rows")).toBe(13); // of the pool, and of the queries
    });

    it("looks at nothing else: with another pool's bits it finds another row", async () => {
      const D = 20;
      const { queries, pool } = made(D, (x) => x);
      const held = hold(device, {
        queries: { shape: [B, D], data: queries },
        pool: { shape: [P, D], data: pool },
        other: { shape: [P, D], data: pool.map((x) => -x) },
      });
      const plan = await compile(device, {
        outputs: {
          ...nearest(held.queries, held.pool, { screen: quantiseRows(held.other, bits) }),
          exact: nearest(held.queries, held.pool).index,
        },
      });
      plan.run();
      const { index, exact } = await plan.read();
      expect(index!.filter((p, b) => p === exact![b])).toHaveLength(0);
      plan.destroy();
      release(device, held);
    });
  });

/** A quantised row as it stands for numbers. */
function restored(words: HostData, r: number, D: number, bits: 16 | 8, scale: number): number[] {
  const width = words.length / P;
  return Array.from({ length: D }, (_, c) => {
    const word = words[r * width + Math.floor((c * bits) / 32)]!;
    const code = (word >>> ((c * bits) % 32)) & (2 ** bits - 1);
    if (bits === 8) return ((code << 24) >> 24) * scale;
    const [exponent, fraction] = [(code >> 10) & 31, code & 1023];
    const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : fraction * 2 ** -24;
    return code >> 15 ? -size : size;
  });
}

const UNKNOWN = 2 ** 110;
const HIGHEST = 3.4028234663852886e38; // stands for any score; so does its negative
const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
  Array.from(x).reduce((sum, value, i) => sum + value * y[i]!, 0);
const row = (rows: Float32Array, r: number, D: number) => rows.subarray(r * D, (r + 1) * D);

describe("the bounds", () => {
  const D = 64;
  for (const bits of BITS)
    for (const what of ["spread out", "of all lengths", "near one row, by 1e-4", "beyond f16"])
      it(`hold and are tight, for rows ${what} of ${bits} bits`, async () => {
        const rows = HARD[what]!.rows(D);
        const { words, bounds, parts } = await both(device, rows, D, bits, P);
        for (let r = 0; r < P; r++) {
          const x = row(rows.pool, r, D);
          const [scale, length, error] = bounds.subarray(3 * r, 3 * r + 3) as unknown as number[];
          if (error === Math.fround(UNKNOWN)) {
            expect(Math.hypot(...x)).toBeGreaterThan(32_760);
            continue;
          }
          const near = restored(words, r, D, bits, scale!);
          const off = Math.hypot(...near.map((y, c) => x[c]! - y));
          expect(error).toBeGreaterThanOrEqual(off);
          expect(error).toBeLessThanOrEqual(1.002 * off + 2e-12);
          expect(length).toBeGreaterThanOrEqual(Math.max(Math.hypot(...x), Math.hypot(...near)));
        }
        const [found, as] = [new Uint32Array(parts), new Float32Array(parts.buffer)];
        const span = 128;
        for (let b = 0; b < B; b++)
          for (let c = 0; c < P / span; c++) {
            const bounded = as.subarray((b * 12 + c) * 4, (b * 12 + c) * 4 + 4);
            const [largest, second, , least] = Array.from(bounded, (u) =>
              Math.abs(u) < HIGHEST ? u : 1e300 * Math.sign(u),
            );
            const best = found[(b * 12 + c) * 4 + 2]!;
            const scores = Array.from({ length: Math.min(span, P - c * span) }, (_, i) =>
              dot(row(rows.queries, b, D), row(rows.pool, c * span + i, D)),
            );
            const there = scores[best - c * span]!;
            expect(largest).toBeGreaterThanOrEqual(Math.max(...scores));
            expect(least).toBeLessThanOrEqual(there);
            scores.splice(best - c * span, 1);
            expect(second).toBeGreaterThanOrEqual(Math.max(...scores));
          }
      });

  it("leave few rows of random ones", async () => {
    for (const bits of BITS) {
      const { parts, again } = await both(
        device,
        made(D, (x) => x),
        D,
        bits,
        P,
      );
      const as = new Float32Array(parts.buffer);
      const least = (b: number) =>
        Math.max(...Array.from({ length: 12 }, (_, c) => as[(b * 12 + c) * 4 + 3]!));
      const doubtful = Array.from({ length: B }, (_, b) =>
        Array.from({ length: 12 }, (_, c) => as[(b * 12 + c) * 4 + 1]! >= least(b)),
      );
      const most = Math.max(...doubtful.map((parts) => parts.filter(Boolean).length));
      expect(most).toBeLessThan(bits === 16 ? 2 : MANY);
      expect(again.every((n) => n === 0)).toBe(true);
    }
  });
});
