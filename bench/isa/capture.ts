/** What another library runs: its WGSL caught on the way into WebGPU. */
import type { Shader } from "./variants.ts";

/** A compute pipeline's shader as a library made it. */
export type CapturedShader = Pick<Shader, "code" | "entryPoint" | "constants">;

/** What is watched: `GPUDevice.prototype` and `GPUComputePassEncoder.prototype`, or one of each. */
export interface Watched {
  readonly gpu: Pick<
    GPUDevice,
    "createShaderModule" | "createComputePipeline" | "createComputePipelineAsync"
  >;
  readonly pass: Pick<GPUComputePassEncoder, "setPipeline">;
}

/** A capture under way. */
export interface Capture {
  /** The shaders of the pipelines that were used since it was last asked, each once, in order. */
  take(): CapturedShader[];
  /** Put the methods back as they were. */
  stop(): void;
}

const ENTRY = /@compute[^{]*?\bfn\s+(\w+)/;

/** The description of a pipeline as a shader; WGSL's only entry point where it names none. */
function shaderOf(code: string, { compute }: GPUComputePipelineDescriptor): CapturedShader {
  const entryPoint = compute.entryPoint ?? code.match(ENTRY)?.[1] ?? "main";
  return { code, entryPoint, constants: { ...compute.constants } };
}

/**
 * Remember the shader of every compute pipeline that is made from now on, and which are used: a
 * library keeps its pipelines, so what a job makes is less than what it runs.
 *
 * @returns  the shaders, and how to stop
 */
export function captureShaders({ gpu, pass }: Watched): Capture {
  const { createShaderModule, createComputePipeline, createComputePipelineAsync } = gpu;
  const { setPipeline } = pass;
  const codes = new WeakMap<GPUShaderModule, string>();
  const made = new WeakMap<GPUComputePipeline, CapturedShader>();
  let used = new Map<string, CapturedShader>();
  const remember = (pipeline: GPUComputePipeline, descriptor: GPUComputePipelineDescriptor) => {
    const code = codes.get(descriptor.compute.module); // none if made before the capture began
    if (code !== undefined) made.set(pipeline, shaderOf(code, descriptor));
    return pipeline;
  };
  gpu.createShaderModule = function (this: GPUDevice, descriptor) {
    const module = createShaderModule.call(this, descriptor);
    codes.set(module, descriptor.code);
    return module;
  };
  gpu.createComputePipeline = function (this: GPUDevice, descriptor) {
    return remember(createComputePipeline.call(this, descriptor), descriptor);
  };
  gpu.createComputePipelineAsync = async function (this: GPUDevice, descriptor) {
    return remember(await createComputePipelineAsync.call(this, descriptor), descriptor);
  };
  pass.setPipeline = function (this: GPUComputePassEncoder, pipeline) {
    const shader = made.get(pipeline);
    if (shader) used.set(JSON.stringify(shader), shader);
    return setPipeline.call(this, pipeline);
  };
  return {
    take() {
      const shaders = [...used.values()];
      used = new Map();
      return shaders;
    },
    stop() {
      Object.assign(gpu, { createShaderModule, createComputePipeline, createComputePipelineAsync });
      Object.assign(pass, { setPipeline });
    },
  };
}
