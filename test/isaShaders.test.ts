/** Which shaders `bench isa` compiles, and what it reads from their WGSL alone. Needs no GPU. */
import { describe, expect, it } from "vitest";
import { captureShaders, type PipelineMaker } from "../bench/isa/capture.ts";
import { capturedShaders, readCaptured } from "../bench/isa/captured.ts";
import { statedWave, threadsOf } from "../bench/isa/threads.ts";
import { tileBytesPerFma } from "../bench/isa/tile.ts";
import { distinct, kernelShaders, needsMatrices } from "../bench/isa/variants.ts";
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
      /^(matmul|conv2d\w*|nearest|nearest_screen_\w+)$/.test(kernel),
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

  it("of another library are caught on their way to a device", async () => {
    const fake = {
      createShaderModule: ({ label = "" }) => ({ label }) as GPUShaderModule,
      createComputePipeline: () => "built",
      createComputePipelineAsync: () => Promise.resolve("built"),
    };
    const gpu = fake as unknown as PipelineMaker;
    const before = { ...gpu };
    const early = gpu.createShaderModule({ code: "early" });
    const capture = captureShaders(gpu);
    const code = "@compute @workgroup_size(64)\nfn tile() {}";
    const module = gpu.createShaderModule({ label: "m", code });
    const make = (compute: GPUProgrammableStage) => ({ layout: "auto" as const, compute });
    expect(gpu.createComputePipeline(make({ module, constants: { K: 3 } }))).toBe("built");
    await gpu.createComputePipelineAsync(make({ module, constants: { K: 3 } }));
    await gpu.createComputePipelineAsync({ ...make({ module, entryPoint: "tile" }), label: "p" });
    gpu.createComputePipeline(make({ module: early }));
    capture.stop();
    expect(gpu).toEqual(before);
    expect(capture.shaders).toEqual([
      { label: "m", code, entryPoint: "tile", constants: { K: 3 } },
      { label: "p", code, entryPoint: "tile", constants: {} },
    ]);
  });

  it("of a captured file are named by library, op and shape", () => {
    const entry = { peer: "tfjs", op: "matMul", shape: "512", code: "c", entryPoint: "main" };
    const [first, second] = capturedShaders([
      { ...entry, constants: {} },
      { ...entry, constants: { K: 1 } },
    ]);
    expect(first).toMatchObject({ kernel: "tfjs matMul", variant: "512" });
    expect(second).toMatchObject({ variant: "512 #2", constants: { K: 1 } });
    expect(() => readCaptured("/nonexistent.json")).toThrow(UserError);
  });
});
