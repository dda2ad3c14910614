/** What is published of measurements: pages and figures are the committed rows', to the letter. */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALL_TARGETS, type IsaRow, shadersOn } from "../bench/isa/bound.ts";
import { kernelShaders, shaderHash } from "../bench/isa/variants.ts";
import { formatLadderHead, formatRung } from "../bench/ladder/command.ts";
import {
  matmulNaive,
  matmulRegisters,
  matmulVectors,
  matmulWorkgroup,
} from "../bench/ladder/matmul/kernels.ts";
import { checkRung, measureLadder } from "../bench/ladder/measure.ts";
import { nearestQuery, nearestSplit, nearestWorkgroup } from "../bench/ladder/nearest/kernels.ts";
import { ladders } from "../bench/ladder/rungs.ts";
import { folderOf } from "../bench/machine.ts";
import { jobs } from "../bench/peers/jobs/index.ts";
import { stepJob } from "../bench/peers/jobs/step.ts";
import { figuresOf } from "../bench/report/figures.ts";
import { readNotes, readResults, readSweeps } from "../bench/report/files.ts";
import { isaSections } from "../bench/report/isaSection.ts";
import { atLeast, atMost, table } from "../bench/report/markdown.ts";
import { FIGURES, fashionOf, pagesOf, resultsPage, withLadderRows } from "../bench/report/pages.ts";
import { peersSection } from "../bench/report/peersSection.ts";
import { stepSection } from "../bench/report/sections.ts";
import {
  formatSearch,
  formatSearchHead,
  formatStepHead,
  formatStepSize,
} from "../bench/scale/command.ts";
import { searchPoolAtBatches, whyNot } from "../bench/scale/search.ts";
import { configOf, STEP_SIZES, timeStepAt } from "../bench/scale/step.ts";
import { type Device, openDevice } from "../engine/device.ts";
import { parseConfig } from "../roclip/config.ts";
import { loadCases } from "./cases.ts";

const ROOT = new URL("../", import.meta.url);
const WIDTH = 120;
const SECONDS = 0.001;
const read = (path: string) => readFileSync(new URL(path, ROOT), "utf8");

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const fits = (...lines: string[]) => {
  for (const line of lines.join("\n").split("\n"))
    expect(line.length, line).toBeLessThanOrEqual(WIDTH);
};

describe("the published results", () => {
  const folders = readResults();
  const sweeps = readSweeps();
  const fashion = fashionOf(sweeps);
  const ABLATION = "docs/attacks-and-defences.md";
  const hint = "run: npm run bench -- results";

  it("are what the committed rows say", () => {
    const pages = pagesOf(read, folders, sweeps, readNotes());
    for (const [path, text] of pages) expect(read(path), `${path}; ${hint}`).toBe(text);
    expect(pages.get(ABLATION)).toMatch(/^\| strong_judge \|( [\d.]+% \|){7}$/m);
  });

  it("are of the kernels that there are, where they were compiled", async () => {
    const shaders = await kernelShaders(await loadCases(), "default");
    const name = ({ kernel, variant }: Pick<IsaRow, "kernel" | "variant">, hash: string) =>
      `${kernel}[${variant}] ${hash}`;
    for (const { isa } of folders.filter((folder) => folder.isa)) {
      const rows = isa!.rows.map((row) => name(row, row.source));
      const current = shadersOn(isa!.rows[0]!.device, shaders);
      const expected = await Promise.all(current.map(async (s) => name(s, await shaderHash(s))));
      expect(rows.sort(), `${hint} --measure isa`).toEqual(expected.sort());
    }
    expect(folders.filter(({ isa }) => isa).map((folder) => folder.name)).toEqual(
      [...ALL_TARGETS].sort(),
    );
  });

  it("have a row of ours and of each engine on navigator.gpu for every op that is compared", () => {
    const text = isaSections(folders).join("\n");
    const ops = new Set(jobs.filter((job) => job !== stepJob).map(({ op }) => op));
    for (const op of ops)
      for (const engine of ["ours", "tfjs-webgpu", "jax-js"])
        expect(text, `${hint} --measure isa`).toContain(`| ${op} | ${engine}`);
  });

  it("have figures of the same rows, and no others", async () => {
    const figures = await figuresOf(folders, fashion);
    for (const [name, svg] of figures) {
      expect(read(`${FIGURES}/${name}.svg`), hint).toBe(`${svg}\n`);
      expect(existsSync(new URL(`${FIGURES}/${name}.png`, ROOT))).toBe(true);
    }
    const pages = resultsPage(folders, [], "") + read(ABLATION);
    const shown = [...pages.matchAll(/results\/([\w-]+)\.svg/g)].map(([, name]) => name);
    expect(shown.sort()).toEqual([...figures.keys()].sort());
  });

  it("end with what is written by hand, its titles one level down", () => {
    const page = resultsPage([], [], "# Tried\n\n## Products\n\nText.\n");
    expect(page.endsWith("\n\n## Tried\n\n### Products\n\nText.\n")).toBe(true);
  });

  it("need marks to put the ladders' rows between", () => {
    expect(() => withLadderRows("no marks", folders)).toThrow(/must hold "<!-- rows/);
  });
});

describe("a verdict", () => {
  const machine = {
    ...{ adapter: "a: 1", hardware: "h", software: true, cpu: "c", cores: 2, memoryGiB: 4 },
    ...{ node: "v20", date: "2026-01-31" },
  };

  const row: IsaRow = {
    kernel: "matmul",
    variant: "A=1",
    device: "navi31",
    source: "0123456789abcdef",
    where: "loop",
    boundBy: "issue",
    ...{ fmaShare: 0.9, ldsBytesPerFma: 1, memoryBytesPerFma: 0, bound: 0.9, wave: 64, lanes: 1 },
    ...{ fmas: 256, wmma: 0, scalar: 13, waits: 16, vgprs: 120, sgprs: 1, spills: 0 },
    ...{ scalarSpills: 0, scratch: 0, lds: 0, wavesPerSimd: 8, tileBytesPerFma: 1 / 16 },
  };

  it("is computed from the number beside it", () => {
    expect([atLeast("2.00", 2, 2), atLeast("1.99", 1.99, 2)]).toEqual(["2.00 ✓", "1.99 ✗"]);
    expect([atMost("1.1", 1.1, 1.1), atMost("1.2", 1.2, 1.1)]).toEqual(["1.1 ✓", "1.2 ✗"]);
    expect(table(["a", "b"], [["1", "2"]])).toBe("| a | b |\n| --- | --: |\n| 1 | 2 |");
  });

  it("on peers is by op, and on the step by peer", () => {
    const pair = { oursMs: 1, peerMs: 2, p10: 1, p90: 3, pairs: 7, checked: 1 };
    const rows = [
      { op: "matmul", shape: "s", peer: "tfjs 1", ratio: 1.6, ...pair },
      { op: "matmul", shape: "s", peer: "jax-js 1", ratio: 1.4, ...pair },
      { op: "training step", shape: "s", peer: "tfjs 1", ratio: 2, ...pair },
      { op: "training step", shape: "s", peer: "jax-js 1", ratio: 2, ...pair },
    ];
    const summary = [{ op: "matmul", shapes: 1, ratio: 1.4 }];
    const missing = [{ op: "matmul", shape: "t", peer: "tfjs 1", reason: "failed: no" }];
    const text = peersSection({ machine, rows, summary, missing }, "figure");
    expect(text).toContain("| matmul | the fastest | 1 | 1.40 ✗ | ≥ 1.5 |");
    expect(text).toContain("| training step | tfjs 1 | 1 | 2.00 ✗ | ≥ 3 |");
    expect(text).toContain("| training step | jax-js 1 | 1 | 2.00 ✓ | ≥ 1.5 |");
    expect(text).toContain("| matmul | 1.60 | 1.40 |");
    expect(text).toContain("* matmul, t, tfjs 1: failed: no");
  });

  it("on compiled code claims nothing of loads outside the loop", () => {
    const textOf = (...rows: IsaRow[]) =>
      isaSections([{ name: "navi31", isa: { host: machine, rows } }]).join("\n");
    const text = textOf(row, row);
    const counts = "0.0625 around | 256 | 13 | 16 | 120 | 0 ✓ | 8 ✓ | 64 | 90 % issue |";
    const line = `| matmul | A=1 | 90 % ✗ | 1.00 ✓ | not in it; ${counts}`;
    expect(text.split(line)).toHaveLength(2); // once
    expect(text).toContain("Nothing was run on a GPU");
    expect(textOf({ ...row, wavesPerSimd: 7 })).toContain("| 7 ✗ | 64 |");
    expect(textOf({ ...row, tileBytesPerFma: null })).toContain("| not in it | 256 |");
    const matrices = { ...row, fmaShare: 0, wmma: 4, bound: null, ldsBytesPerFma: null };
    expect(textOf(matrices)).toContain("| matmul | A=1 | 4 WMMA |");
    expect(isaSections([])).toEqual([]);
  });

  it("is not given of other engines' shaders, which stand below ours of the same op", () => {
    const isa = { host: machine, rows: [{ ...row, fmas: 9, variant: "ELEMENT=16" }, row] };
    const peer = { ...row, peer: "tfjs 4", variant: "512", fmas: 512, memoryBytesPerFma: 0.25 };
    const rows = [peer, { ...peer, kernel: "softmax", where: "program", fmas: 0 }] as const;
    const captured = { host: machine, capturedOn: "llvmpipe: Mesa", rows };
    const text = isaSections([{ name: "navi31", isa, captured }]).join("\n");
    const counts = "120 | 0 | 8 | 64 | 90 % issue |";
    expect(text).toContain(
      `| matmul | ours | matmul | 90 % | 1.00 | not in it; 0.0625 around | ${counts}\n` +
        `| matmul | tfjs 4 | 512 | 90 % | 1.00 | 0.25 | ${counts}\n` +
        "| softmax | tfjs 4 | 512 | no loop multiplies | – |",
    );
    expect(text).toContain("caught as WGSL while they ran on llvmpipe: Mesa");
  });

  it("on the step is on JavaScript and on memory", () => {
    const times = {
      ...{ step: "plain", dispatches: 3, kernelsMs: 1, jsUsPerDispatch: 3, bareUsPerDispatch: 2 },
      jsRatio: 1.5,
      ...{ uploadMs: 1, readMs: 1, wallMs: 1, idleShare: 0, peakBytes: 11e5, boundBytes: 1e6 },
    };
    const text = stepSection({ machine, steps: [times] });
    expect(text).toContain("1.50 ✗");
    expect(text).toContain("1.100 ✓");
  });

  it("belongs to the adapter's folder", () => {
    expect(folderOf("llvmpipe: Mesa 25.0.7 (LLVM 15)")).toBe("llvmpipe");
    expect(folderOf("NVIDIA GeForce RTX 4090 (driver)")).toBe("nvidia-geforce-rtx-4090");
  });
});

describe("the ladders", () => {
  const kernels = [
    ...[matmulNaive, matmulWorkgroup, matmulRegisters, matmulVectors],
    ...[nearestQuery, nearestSplit, nearestWorkgroup],
  ];
  const readme = read("bench/ladder/README.md");

  it("have a file for each idea, whose first line says it and which the README explains", () => {
    for (const { name, source } of kernels) {
      expect(readFileSync(source, "utf8").split("\n")[0]).toMatch(new RegExp(`^// ${name} — .+`));
      expect(readme).toContain(`/${name}.wgsl)`);
    }
  });

  for (const ladder of ladders) {
    it(`${ladder.op}: every rung is explained and agrees with the op's definition`, async () => {
      const ideas = readme.toLowerCase();
      for (const rung of ladder.rungs) {
        expect(ideas).toContain(`. **${rung.name.toLowerCase()}**`);
        await checkRung(device, ladder, rung);
      }
    });
  }

  it("refuse a rung that is wrong, by its name", async () => {
    const [ladder] = ladders;
    const wrong = { name: "wrong", run: ({ a }: Record<string, never>) => a } as never;
    await expect(checkRung(device, ladder!, wrong)).rejects.toThrow(/"wrong" gives y\[0\]/);
  });

  it("become rows that fit the page, the last of them the engine's own", async () => {
    const shapes = { a: [20, 24], b: [24, 28] };
    const rows = await measureLadder(device, { ...ladders[0]!, shapes }, SECONDS);
    expect(rows[0]!.kernel).toBe("matmul_naive");
    expect(rows.at(-1)!.kernel).toMatch(/^matmul(_subgroups)?$/);
    expect(rows.every(({ ms, gflops, code }) => ms > 0 && gflops > 0 && code === null)).toBe(true);
    fits(formatLadderHead(), ...rows.map(formatRung));
  });
});

describe("scaling", () => {
  it("finds the right rows at every batch, and says what it takes", async () => {
    const rows = await searchPoolAtBatches(device, { P: 300, D: 8 }, SECONDS, [3, 70]);
    expect(rows.map(({ B }) => B)).toEqual([3, 70]);
    for (const { ms, extraBytes, B } of rows) {
      expect(ms).toBeGreaterThan(0);
      const chunks = 8 * 3 * B; // three, with a score and an index each
      expect(extraBytes).toBeGreaterThanOrEqual(chunks);
      expect(extraBytes).toBeLessThan(chunks + 4 * 256); // four tensors, each aligned
    }
    fits(formatSearchHead(), ...rows.map(formatSearch));
  });

  it("says why a pool cannot be searched", () => {
    const reason = whyNot({ P: 2 ** 20, D: 64 }, 2 ** 27);
    expect(reason).toBe("the pool has 256 MiB; a buffer of this adapter holds 128 MiB");
    expect(whyNot({ P: 2 ** 20, D: 32 }, 2 ** 27)).toBeUndefined();
    fits(formatSearch({ B: 1024, P: 2 ** 20, D: 64, ms: null, extraBytes: null, reason: reason! }));
  });

  it("times a step of another size, whose configuration is a valid one", async () => {
    for (const size of STEP_SIZES) expect(parseConfig(configOf(size))).toEqual(configOf(size));
    const row = await timeStepAt(device, { batch: 2, width: 1, depth: 1 }, SECONDS);
    expect(row.ms).toBeGreaterThan(0);
    expect(row.peakBytes).toBeGreaterThanOrEqual(row.boundBytes);
    fits(formatStepHead(), formatStepSize(row));
  });
});
