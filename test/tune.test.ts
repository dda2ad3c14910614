/** The tuner: what it chooses from given times, what it keeps, and that plans use it. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { files } from "../engine/adapter.ts";
import { type Device, type Files, openDevice } from "../engine/device.ts";
import { constant, type Dispatch } from "../engine/graph.ts";
import { layernorm } from "../engine/ops/layernorm.ts";
import { compile, type Program } from "../engine/plan.ts";
import { type Contest, clearlyFaster, decide, gainOf, median, tune } from "../engine/tune.ts";
import {
  adapterKey,
  candidatesOf,
  defaultConsts,
  keepTuned,
  loadTuned,
  parseTuned,
  shapeClass,
  sizeClass,
  sourceHash,
  tunedConsts,
} from "../engine/tuned.ts";
import { forSubgroups } from "../kernels/kernel.ts";
import { layernorm as layernormKernel } from "../kernels/layernorm/layernorm.ts";
import { matmul } from "../kernels/matmul/matmul.ts";
import { parseConfig } from "../roclip/config.ts";
import { tuneSteps } from "../roclip/tuning.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** Files in memory, so that no test sees what a person has tuned. */
function memory(text?: string): Files & { readonly texts: Map<string, string> } {
  const texts = new Map(text === undefined ? [] : [["tuned.json", text]]);
  return {
    texts,
    read: async (name) => texts.get(name),
    write: async (name, written) => {
      texts.set(name, written);
      return name;
    },
  };
}

/** The device as another process would open it. */
const reopened = (own: Files): Device => ({ ...device, files: own, tuned: new Map() });

const norm = (rows: number, cols = 40): Dispatch => {
  const x = constant(new Float32Array(rows * cols).fill(1), [rows, cols]);
  const gain = constant(new Float32Array(cols).fill(1));
  return layernorm(x, gain, gain).producer!;
};

describe("classes of shapes", () => {
  it("are sizes rounded to a power of two, the small ones and zero as they are", () => {
    expect([0, 1, 3, 7, 8, 9, 15, 100, 2048, 5000].map(sizeClass)).toEqual([
      0, 1, 3, 7, 8, 8, 16, 128, 2048, 4096,
    ]);
  });

  it("name the kernel, its integer parameters and its options, and nothing else", () => {
    const params = { rows: 2000, eps: 1e-5 };
    expect(shapeClass({ kernel: layernormKernel, params, options: { WIDTH: 15 } })).toBe(
      "layernorm rows=2048 WIDTH=15 VECTOR=1 ELEMENT_X=32 ELEMENT_Y=32",
    );
    const sizes = { M: 5, N: 33, K: 64, batches: 1, span: 64 };
    const strides = { aRow: 64, aStep: 1, bStep: 33, bCol: 1, heads: 1, aHead: 64, bHead: 33 };
    const product = { kernel: matmul, params: { ...sizes, ...strides }, options: { KIND: 2 } };
    expect(shapeClass(product)).toBe(
      "matmul M=5 N=32 K=64 batches=1 span=64 aRow=64 aStep=1 bStep=32 bCol=1 " +
        "heads=1 aHead=64 bHead=32 ELEMENT=32 ELEMENT_Y=32 ELEMENT_Z=32 BIAS=0 KIND=2 RESIDUAL=0",
    );
  });
});

describe("candidates", () => {
  const sizes = { M: 64, K: 64, batches: 1, span: 64, aRow: 64, aStep: 1, bStep: 8, bCol: 1 };

  it("begin with the default and hold every valid choice once", () => {
    const all = candidatesOf({ kernel: matmul, params: { ...sizes, N: 64 } });
    expect(all[0]).toEqual({ ROWS: 8, COLS: 8, WGX: 16, WGY: 16 });
    expect(new Set(all.map((c) => JSON.stringify(c))).size).toBe(all.length);
    expect(all).toHaveLength(3);
    expect(all.every(({ WGX, WGY }) => WGX === WGY)).toBe(true);
  });

  it("keep what follows from the sizes", () => {
    const narrow = { kernel: forSubgroups(matmul, 8), params: { ...sizes, N: 8 } };
    expect(defaultConsts(narrow)).toEqual({ ROWS: 32, COLS: 2, WGX: 8, WGY: 1 });
    expect(candidatesOf(narrow).map(({ ROWS, COLS }) => [ROWS, COLS])).toEqual([
      [32, 2],
      [16, 2],
    ]);
  });
});

/** A contest whose challengers take these times beside a default of 1 ms. */
function contest(timesMs: readonly (number | undefined)[], more: Partial<Contest> = {}) {
  const measured: number[] = [];
  const own: Contest = {
    challengers: timesMs.map((_, WG) => ({ WG })),
    usualMs: 1,
    leastMs: 0.01,
    goOn: () => true,
    async measure({ WG }, pairs) {
      measured.push(WG!);
      const other = timesMs[WG!];
      return other === undefined ? undefined : Array(pairs).fill({ usual: 1, other });
    },
    ...more,
  };
  return { verdict: decide(own), measured };
}

describe("the choice", () => {
  it("takes the fastest challenger, measured once more", async () => {
    const { verdict, measured } = contest([0.9, 0.5, 0.7]);
    expect(await verdict).toEqual({ chosen: { WG: 1 }, gain: 2, tried: 3 });
    expect(measured).toEqual([0, 1, 2, 1]);
  });

  it("stays with the default for less than 5 %, for a fluke, and for what does not run", async () => {
    const stays = { chosen: undefined, gain: 1 };
    expect(await contest([0.96, 1.2]).verdict).toEqual({ ...stays, tried: 2 });
    expect(await contest([undefined]).verdict).toEqual({ ...stays, tried: 1 });
    let times = 0;
    const measure: Contest["measure"] = async (_, pairs) =>
      Array(pairs).fill({ usual: 1, other: times++ === 0 ? 0.5 : 1 });
    expect(await contest([0.5], { measure }).verdict).toEqual({ ...stays, tried: 1 });
  });

  it("measures nothing near the roof, and nothing more after a challenger near it", async () => {
    expect(await contest([0.5], { leastMs: 0.85 }).verdict).toMatchObject({ tried: 0 });
    const { verdict, measured } = contest([0.9, 0.5, 0.1], { leastMs: 0.45 });
    expect(await verdict).toEqual({ chosen: { WG: 1 }, gain: 2, tried: 2 });
    expect(measured).toEqual([0, 1, 1]);
  });

  it("ends when it is told to, with the best so far", async () => {
    const gains: number[] = [];
    const goOn = (gain: number) => gains.push(gain) < 3;
    expect(await contest([0.5, 0.8, 0.1], { goOn }).verdict).toMatchObject({ tried: 2, gain: 2 });
    expect(gains).toEqual([1, 2, 2]);
  });

  it("wants a median gain and most pairs to agree, whatever a single pair says", () => {
    const pairs = (others: readonly number[]) => others.map((other) => ({ usual: 1, other }));
    expect(gainOf(pairs([0.5, 0.8, 40]))).toBe(1.25);
    expect(clearlyFaster(pairs([0.8, 0.8, 0.8, 40]))).toBe(true);
    expect(clearlyFaster(pairs([0.5, 0.5, 0.5, 1.1, 1.1]))).toBe(false);
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  });
});

describe("the file", () => {
  const tuning = { source: "of another text", consts: { WG: 256, LANES: 32 } };

  it("comes back as it was kept, beside other adapters' and earlier tunings", async () => {
    const own = memory(JSON.stringify({ format: 1, adapters: { other: { a: tuning } } }));
    await keepTuned(reopened(own), { b: tuning });
    await keepTuned(reopened(own), { c: tuning });
    const text = own.texts.get("tuned.json")!;
    expect(parseTuned(text)).toEqual({
      other: { a: tuning },
      [adapterKey(device)]: { b: tuning, c: tuning },
    });
    const next = reopened(own);
    expect(await loadTuned(next)).toEqual({ count: 2 });
    expect(next.tuned.get("b")).toEqual(tuning);
    expect(device.tuned.size).toBe(0); // openDevice loads nothing
  });

  it("is passed over with a message when it is corrupt or old, and then written anew", async () => {
    const adapters = { [adapterKey(device)]: { a: { source: 1, consts: {} } } };
    const texts = ["{", "[]", '{"format": 0, "adapters": {}}', JSON.stringify({ format: 1 })];
    for (const text of [...texts, JSON.stringify({ format: 1, adapters })]) {
      const own = memory(text);
      const { count, fault } = await loadTuned(reopened(own));
      expect(count).toBe(0);
      expect(fault).toMatch(/^tuned: the file must be what "roclip tune" writes; .+; delete it/);
      await keepTuned(reopened(own), { b: tuning });
      expect(await loadTuned(reopened(own))).toEqual({ count: 1 });
    }
    expect(await loadTuned(reopened(memory()))).toEqual({ count: 0 });
  });

  it("is replaced at once in the cache folder, and leaves nothing else there", async () => {
    const folder = mkdtempSync(join(tmpdir(), "roclip-tune-"));
    vi.stubEnv("XDG_CACHE_HOME", folder);
    expect(await files.read("tuned.json")).toBeUndefined();
    await files.write("tuned.json", "first");
    const path = await files.write("tuned.json", "second");
    expect(path).toBe(join(folder, "roclip", "tuned.json"));
    expect(await files.read("tuned.json")).toBe("second");
    expect(readdirSync(join(folder, "roclip"))).toEqual(["tuned.json"]);
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
});

describe("a plan", () => {
  const USUAL = { WG: 64, LANES: 32, KEPT: 16 };
  const TUNED = { WG: 64, LANES: 8, KEPT: 8 };
  const consts = async (own: Device, rows: number, program?: Parameters<typeof compile>[2]) => {
    const y = Object.values(norm(rows).writes)[0]!;
    const plan = await compile(own, { outputs: { y } }, { subgroups: false, ...program });
    plan.destroy();
    return plan.steps[0]!.consts;
  };

  it("uses what was tuned for its class, unless it is given constants", async () => {
    const own = reopened(memory());
    const source = await sourceHash(own, layernormKernel);
    await keepTuned(own, { [shapeClass(norm(60))]: { source, consts: TUNED } });
    expect(await consts(own, 70)).toMatchObject(TUNED); // 64 rows, about
    expect(await consts(own, 700)).toMatchObject(USUAL);
    expect(await consts(own, 70, { consts: () => ({}) })).toMatchObject(USUAL);
  });

  it("ignores what was tuned for another text or is no choice", async () => {
    const own = reopened(memory());
    const source = await sourceHash(own, layernormKernel);
    const kept = async (tuning: { source: string; consts: Record<string, number> }) => {
      await keepTuned(own, { [shapeClass(norm(60))]: tuning });
      return tunedConsts(own, norm(60));
    };
    expect(await kept({ source, consts: TUNED })).toEqual(TUNED);
    expect(await kept({ source: "0", consts: TUNED })).toEqual({});
    expect(await kept({ source, consts: { ...TUNED, WG: 512 } })).toEqual({});
  });
});

describe("a tuning on this adapter", () => {
  it("measures every choice, and keeps what plans then use", async () => {
    const own = reopened(memory());
    const y = Object.values(norm(512, 256).writes)[0]!;
    const program: Program = { outputs: { y } };
    const plan = await compile(own, program, { subgroups: false, consts: () => ({}) });
    plan.run();
    const shapes: string[] = [];
    const onProgress = ({ shape }: { shape: string }) => shapes.push(shape);
    const { rows, unreached, negligible, tunings } = await tune(own, [plan], { onProgress });
    const [row] = rows;
    expect([rows.length, unreached, negligible]).toEqual([1, 0, 0]);
    expect(row).toMatchObject({ kernel: "layernorm", candidates: 4, timeShare: 1 });
    expect(row!.gain).toBeGreaterThanOrEqual(1);
    expect(new Set(shapes).size).toBeLessThanOrEqual(1);
    expect(row!.reorders).toBe(row!.chosen.LANES !== row!.usual.LANES);
    await keepTuned(own, tunings);
    const after = await compile(own, program, { subgroups: false });
    expect(after.steps[0]!.consts).toMatchObject(row!.chosen);
    const same = await tune(own, [plan], { sameBits: true });
    expect(same.rows[0]).toMatchObject({ candidates: 2, reorders: false });
    for (const used of [plan, after]) used.destroy();
  });

  it("tunes the steps of a configuration, and stops when told to", async () => {
    const small = { batch: 8, imageSize: 8, image: { width: 8, blocks: [1] }, text: { layers: 1 } };
    const config = parseConfig({ ...small, epochs: 4, roclip: { poolSize: 16 } });
    let left = 1; // the first class is begun, and no challenger measured, however fast the default
    const goOn = () => left-- > 0;
    const own = reopened(memory());
    const { rows, unreached, steps, path } = await tuneSteps(own, config, 100, { goOn });
    expect(rows.map(({ tried }) => tried)).toEqual([1]);
    expect(unreached).toBeGreaterThan(0);
    expect(steps.map(({ step }) => step)).toEqual(["plain", "matching"]);
    expect(path).toBe("tuned.json");
    await expect(tuneSteps(own, parseConfig({}), 100, {})).rejects.toThrow("roclip.poolSize");
  });
});
