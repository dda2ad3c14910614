/**
 * A process that compiles WGSL for a GPU that is not there: it gets shaders from the process that
 * started it, and RADV writes each one's machine code to stderr, between two marks.
 */
import { writeSync } from "node:fs";
import { findAdapter } from "../../engine/adapter.ts";
import { BEGIN, END } from "./marks.ts";
import type { Shader } from "./variants.ts";

const STDERR = 2;

/** Dawn's objects, which must not be collected while they are used. */
const held = new Set<unknown>();

/** Every feature and limit of the adapter, so that nothing a shader asks for is missing. */
async function openFully(adapter: GPUAdapter): Promise<GPUDevice> {
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof value === "number") limits[name] = value;
  }
  const requiredFeatures = [...adapter.features] as GPUFeatureName[];
  return adapter.requestDevice({ requiredFeatures, requiredLimits: limits });
}

async function compileShader(gpu: GPUDevice, shader: Shader): Promise<void> {
  const { code, entryPoint, constants } = shader;
  gpu.pushErrorScope("validation");
  const module = gpu.createShaderModule({ code });
  const compute = { module, entryPoint, constants };
  const pipeline = gpu.createComputePipelineAsync({ layout: "auto", compute });
  const failure = await pipeline.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const error = await gpu.popErrorScope();
  if (error) throw new Error(error.message);
  if (failure) throw failure;
}

async function compileAll(shaders: readonly Shader[]): Promise<void> {
  const found = await findAdapter("gpu");
  held.add(found);
  const gpu = await openFully(found.adapter);
  for (const [index, shader] of shaders.entries()) {
    writeSync(STDERR, `\n${BEGIN} ${index}\n`);
    const failure = await compileShader(gpu, shader).then(
      () => "",
      (error: unknown) => String(error),
    );
    writeSync(STDERR, `\n${END} ${failure.replaceAll("\n", " ")}\n`);
  }
  gpu.destroy();
}

process.once("message", (shaders: readonly Shader[]) => {
  compileAll(shaders).then(
    () => process.exit(0), // Dawn would keep the process
    (error: unknown) => {
      writeSync(STDERR, String(error));
      process.exit(1);
    },
  );
});
