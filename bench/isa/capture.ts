/** What another library compiles: its WGSL caught on the way into WebGPU. */
import type { Shader } from "./variants.ts";

/** A compute pipeline's shader as a library made it. */
export type CapturedShader = Pick<Shader, "code" | "entryPoint" | "constants"> & {
  /** What the library calls the pipeline or its module. */
  readonly label: string;
};

/** The part of `GPUDevice.prototype` that is watched. */
export type PipelineMaker = Pick<
  GPUDevice,
  "createShaderModule" | "createComputePipeline" | "createComputePipelineAsync"
>;

/** A capture under way. */
export interface Capture {
  /** The shaders caught so far, each once, in order. */
  readonly shaders: readonly CapturedShader[];
  /** Put the methods back as they were. */
  stop(): void;
}

const ENTRY = /@compute[^{]*?\bfn\s+(\w+)/;

/** The description of a pipeline as a shader; WGSL's only entry point where it names none. */
function shaderOf(code: string, { label, compute }: GPUComputePipelineDescriptor): CapturedShader {
  return {
    label: label || compute.module.label,
    code,
    entryPoint: compute.entryPoint ?? code.match(ENTRY)?.[1] ?? "main",
    constants: { ...compute.constants },
  };
}

/**
 * Remember the shader of every compute pipeline that is made from now on.
 *
 * @param gpu  `GPUDevice.prototype`, or one device
 * @returns    the shaders, and how to stop
 */
export function captureShaders(gpu: PipelineMaker): Capture {
  const { createShaderModule, createComputePipeline, createComputePipelineAsync } = gpu;
  const codes = new WeakMap<GPUShaderModule, string>();
  const shaders = new Map<string, CapturedShader>();
  const remember = (descriptor: GPUComputePipelineDescriptor) => {
    const code = codes.get(descriptor.compute.module);
    if (code === undefined) return; // made before the capture began
    const { label, ...shader } = shaderOf(code, descriptor);
    const key = JSON.stringify(shader);
    if (!shaders.has(key)) shaders.set(key, { label, ...shader });
  };
  gpu.createShaderModule = function (this: PipelineMaker, descriptor) {
    const module = createShaderModule.call(this as GPUDevice, descriptor);
    codes.set(module, descriptor.code);
    return module;
  };
  gpu.createComputePipeline = function (this: PipelineMaker, descriptor) {
    remember(descriptor);
    return createComputePipeline.call(this as GPUDevice, descriptor);
  };
  gpu.createComputePipelineAsync = function (this: PipelineMaker, descriptor) {
    remember(descriptor);
    return createComputePipelineAsync.call(this as GPUDevice, descriptor);
  };
  return {
    get shaders() {
      return [...shaders.values()];
    },
    stop: () =>
      void Object.assign(gpu, {
        createShaderModule,
        createComputePipeline,
        createComputePipelineAsync,
      }),
  };
}
