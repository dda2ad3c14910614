/** Which shaders `bench isa` compiles, and what it reads from their WGSL alone. Needs no GPU. */
import { describe, expect, it } from "vitest";
import type { IsaRow } from "../bench/isa/bound.ts";
import { captureShaders, type Watched } from "../bench/isa/capture.ts";
import { capturedShaders, hottestOfEach, readCaptured } from "../bench/isa/captured.ts";
import { statedWave, threadsOf } from "../bench/isa/threads.ts";
import { tileBytesPerFma } from "../bench/isa/tile.ts";
import { distinct, kernelShaders, needsMatrices } from "../bench/isa/variants.ts";
import { captureJobs } from "../bench/peers/capture.ts";
import type { Job, Peer } from "../bench/peers/job.ts";
import { readResults } from "../bench/report/files.ts";
import { UserError } from "../roclip/errors.ts";
import { loadCases } from "./cases.ts";

const cases = await loadCases();
const untuned = await kernelShaders(cases, "default");

describe("a tile", () => {
  const tile = (kernel: string, code: string) =>
    tileBytesPerFma({
      kernel,
      code: `const ROWS = 8;\n${code}`,
      entryPoint: "main",
      constants: {},
    });

  it("takes its rows and columns for their product, by its constants", () => {
    const code = "const HEIGHT: u32 = ROWS * 16;\nconst WIDTH = 2 * HEIGHT;";
    const elements = (128 + 256) / (128 * 256);
    expect(tile("matmul", code)).toBe(4 * elements);
    expect(tile("matmul", `${code}\nconst ELEMENT: u32 = 16;`)).toBe(2 * elements);
    expect(tile("nearest_screen_f16", code)).toBe(2 * elements);
    expect(tile("nearest_screen_i8", code)).toBe(elements);
    expect(tile("softmax", "const WIDTH: u32 = 128;")).toBeNull();
  });

  it("is 128 × 128 of every product's default", () => {
    const products = untuned.filter(({ kernel }) =>
      /^(matmul|conv2d(_d\w+)?|nearest|nearest_screen_\w+)$/.test(kernel),
    );
    const found = products.map((product) => `${product.kernel} ${tileBytesPerFma(product)}`);
    expect(new Set(found)).toEqual(
      new Set([
        ...["conv2d", "conv2d_dweight", "conv2d_dx", "matmul"].flatMap((kernel) => [
          `${kernel} 0.0625`,
          `${kernel} 0.03125`,
        ]),
        ...["nearest 0.0625", "nearest_screen_f16 0.03125", "nearest_screen_i8 0.015625"],
      ]),
    );
  });
});

describe("the shaders", () => {
  it("are of every kernel, each text once", async () => {
    const shaders = await kernelShaders(cases);
    expect(new Set(shaders.map(({ code }) => code)).size).toBe(shaders.length);
    expect(distinct([...shaders, ...shaders])).toEqual(shaders);
    const names = shaders.map(({ kernel, variant }) => `${kernel}[${variant}]`);
    expect(names).toEqual([...new Set(names)]);
    for (const kernel of ["matmul", "conv2d_dweight", "nearest", "attention_grad"])
      expect(shaders.some((found) => found.kernel === kernel)).toBe(true);
    for (const found of shaders) expect(threadsOf(found), found.kernel).toBeGreaterThan(0);
  });

  it("of f16 products also multiply matrices by subgroups, on GPUs that do", () => {
    const matrices = untuned.filter(needsMatrices);
    expect(new Set(matrices.map(({ kernel }) => kernel))).toEqual(new Set(["matmul_matrices"]));
    for (const found of matrices) expect([threadsOf(found), statedWave(found)]).toEqual([128, 32]);
  });

  it("that multiply matrices are recorded with them in their hot loop, unspilled", () => {
    for (const device of ["navi31", "gfx1150"] as const) {
      const rows = readResults().find(({ name }) => name === device)?.isa?.rows ?? [];
      const found = rows.filter(({ kernel }) => kernel === "matmul_matrices");
      expect(found.length, device).toBeGreaterThan(0);
      for (const row of found) {
        expect(row).toMatchObject({ where: "loop", wmma: 4, spills: 0, scratch: 0, wave: 32 });
        expect(row.wavesPerSimd).toBeGreaterThanOrEqual(8);
      }
    }
  });

  /** Prototypes that only count; the names of what was set. */
  function fakes() {
    const set: string[] = [];
    const gpu = {
      createShaderModule: () => ({}),
      createComputePipeline: ({ label = "" }) => ({ label }),
      createComputePipelineAsync: ({ label = "" }) => Promise.resolve({ label }),
    };
    const pass = { setPipeline: ({ label }: { label: string }) => void set.push(label) };
    return { set, watched: { gpu, pass } as unknown as Watched };
  }

  it("of another library are those of the pipelines that it uses", async () => {
    const { set, watched } = fakes();
    const { gpu, pass } = watched;
    const before = { gpu: { ...gpu }, pass: { ...pass } };
    const early = gpu.createShaderModule({ code: "early" });
    const capture = captureShaders(watched);
    const code = "@compute @workgroup_size(64)\nfn tile() {}";
    const module = gpu.createShaderModule({ code });
    const make = (label: string, compute: GPUProgrammableStage) =>
      gpu.createComputePipeline({ layout: "auto", label, compute });
    const one = make("one", { module, constants: { K: 3 } });
    const named = await gpu.createComputePipelineAsync({
      ...{ layout: "auto", label: "named" },
      compute: { module, entryPoint: "tile" },
    });
    make("unused", { module, constants: { K: 4 } });
    for (const pipeline of [one, make("early", { module: early }), named, one])
      pass.setPipeline(pipeline);
    expect(set).toEqual(["one", "early", "named", "one"]);
    expect(capture.take()).toEqual([
      { code, entryPoint: "tile", constants: { K: 3 } },
      { code, entryPoint: "tile", constants: {} },
    ]);
    expect(capture.take()).toEqual([]);
    pass.setPipeline(named); // kept from before
    expect(capture.take()).toHaveLength(1);
    capture.stop();
    expect(watched).toEqual(before);
  });

  it("of other libraries are kept by job, from one run each", async () => {
    const { watched } = fakes();
    const { gpu, pass } = watched;
    const before = { gpu: { ...gpu }, pass: { ...pass } };
    const closed: string[] = [];
    const peer = (name: string, code: string) =>
      ({
        name,
        async prepare(job: Job) {
          if (job.op === "hard") return { cannot: "no" };
          const compute = { module: gpu.createShaderModule({ code }) };
          const pipeline = gpu.createComputePipeline({ layout: "auto", compute });
          return { run: async () => pass.setPipeline(pipeline), close: () => closed.push(name) };
        },
      }) as unknown as Peer;
    const job = (op: string) => ({ op, shape: "s", operands: () => ({}) }) as unknown as Job;
    const peers = [peer("a", "fn a() {}"), peer("b", "fn b() {}")];
    const found = await captureJobs(watched, peers, ["easy", "hard"].map(job));
    const entry = { op: "easy", shape: "s", entryPoint: "main", constants: {} };
    expect(found).toEqual([
      { peer: "a", code: "fn a() {}", ...entry },
      { peer: "b", code: "fn b() {}", ...entry },
    ]);
    expect(closed).toEqual(["a", "b"]);
    expect(watched).toEqual(before);
  });

  it("of a captured file are named by library, op and shape, and are each compiled once", () => {
    const entry = { peer: "tfjs", op: "matmul", shape: "512", code: "c", entryPoint: "main" };
    const [first, second, third, ...others] = capturedShaders([
      { ...entry, constants: {} },
      { ...entry, constants: { K: 1 } },
      { ...entry, shape: "64", constants: {} },
      { ...entry, op: "conv2d", constants: {} },
    ]);
    expect(first).toMatchObject({ peer: "tfjs", kernel: "matmul", variant: "512" });
    expect(second).toMatchObject({ variant: "512 #2", constants: { K: 1 } });
    expect(third).toMatchObject({ kernel: "conv2d", variant: "512" });
    expect(others).toEqual([]);
    expect(() => readCaptured("/nonexistent.json")).toThrow(UserError);
  });

  it("of a library and op are told by the one whose loop multiplies most, the first of several", () => {
    const row = (peer: string, variant: string, fmas: number, where = "loop") =>
      ({ peer, kernel: "matmul", variant, fmas, where }) as IsaRow;
    const rows = [
      ...[row("a", "whole", 9, "program"), row("a", "1", 2), row("b", "1", 1), row("a", "2", 4)],
      ...[row("a", "3", 4), row("c", "none", 0, "program")],
    ];
    const found = hottestOfEach(rows).map(({ peer, variant }) => `${peer} ${variant}`);
    expect(found).toEqual(["a 2", "b 1", "c none"]);
  });
});
