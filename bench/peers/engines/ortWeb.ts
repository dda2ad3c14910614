/**
 * ONNX Runtime's WebGPU provider for browsers, in WebAssembly: the models of its native one
 * (ort.ts) on a device of `navigator.gpu`, awaited by reading as well.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Device } from "../../../engine/device.ts";
import type { Peer } from "../job.ts";
import { loadPeer, versionOf } from "./load.ts";
import { watch } from "./navigator.ts";
import type { OnnxModel } from "./onnx.ts";
import { LEAST_SUBGROUP, type Ort, openSession, prepareOrt } from "./ort.ts";

const PACKAGE = "onnxruntime-web";

interface OrtWeb extends Ort {
  readonly env: { readonly wasm: { numThreads: number } };
}

// What it asks for when it opens its device itself.
const FEATURES = ["shader-f16", "timestamp-query"] as const;
const SUBGROUPS = ["subgroups", "subgroup-size-control"] as const;
const LIMITS = [
  "maxStorageBuffersPerShaderStage",
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
] as const;

/**
 * A device as ONNX Runtime would open it, but without subgroups where they are narrower than its
 * fused attention needs: that is right then, and faster than attention by parts.
 */
async function openGpu(): Promise<GPUDevice> {
  const { gpu } = (globalThis as unknown as { navigator: { gpu: GPU } }).navigator;
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error(`${PACKAGE}: navigator.gpu must have an adapter; it has none`);
  const { subgroupMaxSize = 0 } = adapter.info;
  const wanted = [...FEATURES, ...(subgroupMaxSize < LEAST_SUBGROUP ? [] : SUBGROUPS)];
  const device = await adapter.requestDevice({
    requiredFeatures: wanted.filter((name) => adapter.features.has(name)) as GPUFeatureName[],
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  takeShared(device.queue);
  return device;
}

/** Copy what is written from WebAssembly's shared memory, which Dawn's binding for Node refuses. */
function takeShared(queue: GPUQueue): void {
  const write = queue.writeBuffer.bind(queue);
  queue.writeBuffer = (buffer, offset, data, first, size) =>
    write(buffer, offset, (data as Uint8Array).slice(), first, size);
}

/** A model to load the WebAssembly with. */
const FIRST: OnnxModel = {
  constants: { x: { shape: [1], data: Float32Array.of(1) } },
  nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }],
  outputs: { y: { dtype: "f32", rank: 1 } },
};

const LOOK_MS = 1000;
const MOST_LOOKS = 300;
const QUIET = 0.1; // of a core …
const QUIET_LOOKS = 3; // … in a row: on a busy machine one may find the compiler waiting its turn
const US_PER_MS = 1000;

/**
 * Wait until this process does nothing: V8 goes on compiling the WebAssembly in the background once
 * it is loaded, for most of a minute, on a core that every run after it would miss, ours above all.
 */
async function untilQuiet(): Promise<void> {
  for (let look = 0, quiet = 0; look < MOST_LOOKS && quiet < QUIET_LOOKS; look++) {
    const before = process.cpuUsage();
    await sleep(LOOK_MS);
    const { user, system } = process.cpuUsage(before);
    quiet = user + system < QUIET * LOOK_MS * US_PER_MS ? quiet + 1 : 0;
  }
}

/** Open ONNX Runtime on `navigator.gpu`. */
export async function openOrtWeb({ until }: Device): Promise<Peer> {
  const ort = loadPeer<OrtWeb>(`${PACKAGE}/webgpu`);
  ort.env.wasm.numThreads = 1; // kernels of the CPU alone would use more, and none is run
  // Ours, not its own: its own would go with the session of a job, and take the next job along.
  const device = await openGpu();
  const first = await until(openSession(ort, FIRST, device));
  await first.release();
  await untilQuiet();
  const check = watch(device);
  const checked = async <T>(work: Promise<T>) => {
    const result = await until(work);
    check();
    return result;
  };
  return {
    name: `${PACKAGE} ${versionOf(PACKAGE)}`,
    wait: "read",
    async prepare(job, operands) {
      const runner = await until(prepareOrt(ort, job, operands, { device, fused: true }));
      if ("cannot" in runner) return runner;
      const { run, results, close } = runner;
      return { run: () => checked(run()), results: () => checked(results()), close };
    },
    close: () => device.destroy(),
  };
}
