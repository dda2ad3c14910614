/** The benchmark's machinery: rows are made, and of what they say. No time is asserted. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { deciles, quantile, rowOf, timePlans } from "../bench/harness.ts";
import { rowArgmax } from "../bench/nearest/row_argmax.ts";
import { compareNearest } from "../bench/nearest.ts";
import { subjectsOf, timeSubject } from "../bench/ops.ts";
import { collectRows } from "../bench/rows.ts";
import { measureStep, STEP_CONFIG } from "../bench/step.ts";
import { formatHead, formatRow, formatStep } from "../bench/table.ts";
import { type Device, openDevice } from "../engine/device.ts";
import { constant, launch } from "../engine/graph.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { compile } from "../engine/plan.ts";
import { defaults, specialise } from "../kernels/kernel.ts";
import { roofCopy } from "../kernels/roof/roof.ts";
import layernorm from "./ops/layernorm.ts";

const WIDTH = 120;
const SECONDS = 0.01;
const ROOF = { peakGflops: 100, peakGBs: 10 };

/** The schema of `--json`. */
const positive = z.number().positive();
const rowSchema = z.strictObject({
  kernel: z.string(),
  shape: z.string().regex(/^[\d× ]*→[\d× ]+$/),
  consts: z.record(z.string(), z.number()),
  medianUs: positive,
  p10Us: positive,
  p90Us: positive,
  gflops: z.number().nonnegative(),
  gbs: positive,
  roofShare: positive,
});

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe("times", () => {
  it("are summed up by quantiles between neighbours", () => {
    expect(quantile([1, 2, 4], 0.5)).toBe(2);
    expect(quantile([1, 2, 4], 0.75)).toBe(3);
    expect(quantile([7], 0.9)).toBe(7);
    const times = deciles([11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]); // in any order
    expect(times).toEqual({ p10: 2, median: 6, p90: 10 });
  });

  it("become rates, and a share of the roof's nearer side", async () => {
    const x = constant(new Float32Array(64));
    const { y } = launch(roofCopy, { count: 16 }, { x }, { y: [64] });
    const plan = await compile(device, { outputs: { y } });
    const [step] = plan.steps;
    const row = rowOf({ step: step!, timesMs: [1, 2, 3] }, { peakGflops: 1, peakGBs: 1e-3 });
    expect(row).toMatchObject({ medianUs: 2000, gflops: 0, shape: "64 → 64" });
    expect(row.gbs).toBeCloseTo(512 / 2e6, 12); // 512 bytes in 2 ms
    expect(row.roofShare).toBeCloseTo(0.256, 12);
    plan.destroy();
  });
});

describe("a case's rows", () => {
  it("hold every dispatch, forward and backward, with the schema of --json", async () => {
    const bench = { tiny: { x: [3, 40], gain: [40], bias: [40] } };
    const [subject] = subjectsOf(new Map([["layernorm", { ...layernorm, bench }]]));
    expect(subject?.title).toBe("layernorm · tiny");
    const samples = await timeSubject(device, subject!, SECONDS);
    const rows = samples.map((sample) => rowOf(sample, ROOF));
    const kernels = rows.map(({ kernel }) => kernel.replace(/_subgroups$/, ""));
    expect(kernels).toEqual(["layernorm", "layernorm_grad", "sum_rows"]);
    expect(samples[2]!.timesMs.length).toBe(2 * samples[0]!.timesMs.length); // gain and bias
    z.array(rowSchema).parse(JSON.parse(JSON.stringify(rows)));
    for (const { medianUs, p10Us, p90Us } of rows) {
      expect(p10Us).toBeLessThanOrEqual(medianUs);
      expect(medianUs).toBeLessThanOrEqual(p90Us);
    }
  });

  it("stand once, and name the parameters that alone tell them apart", async () => {
    const square = new Float32Array(16 * 16);
    const [x, y] = [constant(square, [16, 16]), constant(square, [16, 16])];
    const outputs = { a: matmul(x, y), b: matmul(x, y, { transposeB: true }), c: matmul(y, x) };
    const plan = await compile(device, { outputs });
    const [times] = await timePlans([plan], SECONDS);
    const rows = collectRows(ROOF);
    const shapes = rows.add(times!.samples).map(({ shape }) => shape);
    expect(shapes).toHaveLength(2); // c is a once more
    expect(shapes[0]).toMatch(/^[\d× ]+ → 16×16$/);
    expect(shapes[1]!.slice(shapes[0]!.length)).toMatch(/^( \w+=\d+)+$/);
    expect(rows.add(times!.samples)).toEqual([]);
    expect(rows.all.map(({ shape }) => shape)).toEqual(shapes);
    plan.destroy();
  });

  it("fit the page, whatever they hold", () => {
    const huge = 123_456_789;
    const row = {
      kernel: "a_kernel_with_a_very_long_name",
      shape: "128×224×224×64 128×224×224×64 64 64 → 128×224×224×64",
      consts: { WORKGROUP: 256, BLOCKS: 4, VECTOR: 4 },
      ...{ medianUs: huge, p10Us: huge, p90Us: huge, gflops: 54_321, gbs: 1234, roofShare: 1.234 },
    };
    for (const line of `${formatHead()}\n${formatRow(row)}`.split("\n"))
      expect(line.length, line).toBeLessThanOrEqual(WIDTH);
    expect(formatRow(row).replace(/\s/g, "")).toContain("a_kernel_with_a_very_");
  });
});

describe("a training step", () => {
  it("is measured by kernel and outside the kernels", async () => {
    const small = { batch: 8, imageSize: 8, roclip: { ...STEP_CONFIG.roclip, poolSize: 16 } };
    const config = { ...STEP_CONFIG, ...small };
    const { samples, times } = await measureStep(device, config, "matching", SECONDS);
    const kernels = samples.map(({ step }) => step.dispatch.kernel.name);
    expect(kernels.some((name) => name.startsWith("nearest"))).toBe(true);
    const runs = samples[0]!.timesMs.length;
    const timed = samples.reduce((sum, { timesMs }) => sum + timesMs.length, 0);
    expect(timed).toBeGreaterThanOrEqual(times.dispatches * Math.min(runs, 2)); // each of them
    for (const ms of [times.kernelsMs, times.wallMs, times.readMs, times.jsUsPerDispatch])
      expect(ms).toBeGreaterThan(0);
    expect(times.idleShare).toBeLessThan(1);
    expect(times.peakBytes).toBeGreaterThanOrEqual(times.boundBytes);
    for (const line of formatStep(times).split("\n"))
      expect(line.length).toBeLessThanOrEqual(WIDTH);
  });
});

describe("the bench's own kernels", () => {
  it("have defaults that are their WGSL's", () => {
    const source = readFileSync(rowArgmax.source, "utf8");
    expect(specialise(source, defaults(rowArgmax))).toBe(source);
    expect(source.startsWith(`// ${rowArgmax.name} — `)).toBe(true);
  });

  it("find each row's maximum, the first of several", async () => {
    const cols = 131;
    const x = new Float32Array(3 * cols);
    x.set([-2, -2, -1, -1]);
    x.fill(-3, 4, cols);
    x[cols + 130] = 5; // the last column
    x.fill(7, 2 * cols + 64, 2 * cols + 70); // ties over several threads
    const operands = { x: constant(x, [3, cols]) };
    const outputs = { index: { shape: [3], dtype: "u32" } } as const;
    for (const WG of rowArgmax.consts.WG) {
      const { index } = launch(rowArgmax, { rows: 3, cols }, operands, outputs);
      const plan = await compile(device, { outputs: { index } }, { consts: () => ({ WG }) });
      plan.run();
      expect((await plan.read()).index).toEqual(Uint32Array.of(2, 130, 64));
      plan.destroy();
    }
  });
});

describe("plans in turns", () => {
  it("search a pool in every way, find the same rows and are timed equally often", async () => {
    const found = await compareNearest(device, { B: 5, P: 300, D: 12 }, SECONDS);
    const kernels = found.samples.map(({ step }) =>
      step.dispatch.kernel.name.replace(/_subgroups$/, ""),
    );
    expect(kernels[0]).toBe("nearest");
    expect(kernels.at(-2)).toMatch(/^matmul/);
    expect(kernels.at(-1)).toBe("row_argmax");
    expect(kernels).toContain("nearest_screen_f16");
    expect(kernels).toContain("nearest_screen_i8");
    expect(Object.keys(found.ways)).toHaveLength(4);
    for (const { median } of Object.values(found.ways)) expect(median).toBeGreaterThan(0);
  });

  it("give one sample per distinct dispatch", async () => {
    const x = constant(new Float32Array(64));
    const copy = () => launch(roofCopy, { count: 16 }, { x }, { y: [64] }).y;
    const one = await compile(device, { outputs: { y: copy() } });
    const two = await compile(device, { outputs: { y: copy(), z: copy() } });
    const [first, second] = await timePlans([one, two], SECONDS);
    expect(second!.samples).toHaveLength(1);
    expect(second!.samples[0]!.timesMs).toHaveLength(2 * first!.totalsMs.length);
    expect(second!.totalsMs).toHaveLength(first!.totalsMs.length);
    one.destroy();
    two.destroy();
  });
});
