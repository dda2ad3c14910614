/**
 * The device: what runs plans and holds state. The only file that knows where a GPU comes from
 * (`navigator.gpu` in a browser, `adapter.ts` in Node) and how a `.wgsl` file is read.
 */
import { type AnyKernel, specialise, WORD_BYTES } from "../kernels/kernel.ts";
import type { AdapterChoice } from "./adapter.ts";
import type { Storage } from "./graph.ts";
import { MATRIX_FEATURES, multipliesMatrices } from "./matrices.ts";

/** Optional features that are asked for when the adapter has them. */
const WANTED_FEATURES: readonly GPUFeatureName[] = ["timestamp-query", ...MATRIX_FEATURES];
/** Limits that are raised to whatever the adapter offers. */
const RAISED_LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupStorageSize",
] as const;

/** Constants that were tuned for a kernel, and the SHA-256 of the WGSL text they were tuned for. */
export interface Tuning {
  readonly source: string;
  readonly consts: Readonly<Record<string, number>>;
}

/** Small files kept between processes; a browser page keeps none. */
export interface Files {
  /** The text of a file; undefined when there is none. */
  read(name: string): Promise<string | undefined>;
  /** Replace a file at once, or not at all; returns where it is. */
  write(name: string, text: string): Promise<string>;
}

/** Where a storage's data begins. */
export interface Region {
  readonly buffer: GPUBuffer;
  /** Bytes from the buffer's start. */
  readonly offset: number;
}

/** An opened WebGPU device with its compiled pipelines and where the state lies that it holds. */
export interface Device {
  readonly gpu: GPUDevice;
  /** The adapter in words, for reports. */
  readonly name: string;
  /** True when the adapter runs on the CPU. */
  readonly software: boolean;
  /** Threads in every subgroup; 0 where that varies or subgroups are not offered. */
  readonly subgroupSize: number;
  /** Whether elements of f16 have two bytes; where not, they are kept as f32, rounded the same. */
  readonly half: boolean;
  /** Whether subgroups multiply 16 × 16 matrices of f16 as matrix_subgroup does. */
  readonly matrices: boolean;
  /** The most bytes that one binding holds; larger tensors are bound window by window. */
  readonly bindingBytes: number;
  /** Where held state lies (held.ts). */
  readonly held: Map<Storage, Region>;
  /** Constants to use by class of shapes (tuned.ts); empty unless `loadTuned` was called. */
  readonly tuned: Map<string, Tuning>;
  readonly files: Files;
  /** The complete WGSL text of a kernel with its default constants. */
  source(kernel: AnyKernel): Promise<string>;
  /** The compiled kernel; compiled once per kernel and constants. */
  pipeline(
    kernel: AnyKernel,
    consts: Readonly<Record<string, number>>,
  ): Promise<GPUComputePipeline>;
  /** Await what the GPU does; in Node every wait for it goes through here (see adapter.ts). */
  until<T>(pending: Promise<T>): Promise<T>;
  /** Throws if the device was lost or reported an error that nobody caught. */
  check(): void;
  /** Destroys the device and everything on it; Node does not exit before. */
  close(): void;
}

/** The browser's WebGPU, where there is one. */
const browserGpu = () => (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;

interface Host {
  readonly adapter: GPUAdapter;
  readonly software: boolean;
  readonly files: Files;
  readText(url: URL): Promise<string>;
  until<T>(pending: Promise<T>): Promise<T>;
  release(): void;
}

async function browserHost(gpu: GPU): Promise<Host> {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter)
    throw new Error(
      "device: navigator.gpu must offer an adapter; it offered none; " +
        "use a browser with WebGPU on a machine with a supported GPU",
    );
  const readText = async (url: URL) => (await fetch(url)).text();
  const software = /swiftshader|software/i.test(adapter.info.description);
  const files = { read: async () => undefined, write: async () => "this page" };
  return { adapter, software, files, readText, until: (pending) => pending, release: () => {} };
}

async function nodeHost(choice: AdapterChoice): Promise<Host> {
  const { findAdapter, isSoftware, files, readText, until } = await import("./adapter.ts");
  const { adapter, ...kept }: { adapter: GPUAdapter; keepAlive?: unknown } =
    await findAdapter(choice);
  // Dawn keeps Node alive as long as its GPU object is referenced.
  const release = () => delete kept.keepAlive;
  return { adapter, software: isSoftware(adapter.info), files, readText, until, release };
}

/** The name of a pipeline in labels and errors: `kernel[CONST=n …]`. */
export function labelOf(kernel: AnyKernel, consts: Readonly<Record<string, number>>): string {
  const list = Object.entries(consts).map(([name, value]) => `${name}=${value}`);
  return `${kernel.name}[${list.join(" ")}]`;
}

/** The explicit layout of a kernel: the uniform block at 0, then its bindings in order. */
function layoutOf(gpu: GPUDevice, kernel: AnyKernel): GPUBindGroupLayout {
  const visibility = GPUShaderStage.COMPUTE;
  const entries: GPUBindGroupLayoutEntry[] = Object.values(kernel.bindings).map((access, i) => ({
    binding: i + 1,
    visibility,
    buffer: { type: access === "read" ? "read-only-storage" : "storage" },
  }));
  if (Object.keys(kernel.params).length > 0)
    entries.unshift({ binding: 0, visibility, buffer: { type: "uniform" } });
  return gpu.createBindGroupLayout({ label: kernel.name, entries });
}

/** What WGSL wants at the head of a text, before anything that it enables. */
const ENABLE = /^enable \w+;$/gm;

/** The complete WGSL text of a kernel with the given constants. */
export async function sourceOf(
  kernel: AnyKernel,
  consts: Readonly<Record<string, number>>,
  readText: (url: URL) => Promise<string>,
): Promise<string> {
  const library = kernel.uses.map((name) => new URL(`../lib/${name}.wgsl`, kernel.source));
  const texts = await Promise.all([kernel.source, ...library].map(readText));
  const enables = texts.flatMap((text) => text.match(ENABLE) ?? []);
  const rest = texts.map((text) => text.replace(ENABLE, ""));
  return specialise([...enables, ...rest].join("\n"), consts);
}

/** Compile one kernel; WebGPU's own words under the kernel's label when it does not. */
async function compileKernel(gpu: GPUDevice, kernel: AnyKernel, label: string, code: string) {
  gpu.pushErrorScope("validation");
  const module = gpu.createShaderModule({ label, code });
  const layout = gpu.createPipelineLayout({ label, bindGroupLayouts: [layoutOf(gpu, kernel)] });
  const compute = { module, entryPoint: "main" };
  const pipeline = gpu.createComputePipelineAsync({ label, layout, compute });
  const [built, error] = await Promise.all([
    pipeline.catch((reason: unknown) => reason),
    gpu.popErrorScope(),
  ]);
  if (error) throw new Error(`${label}: ${error.message}`);
  if (!(built instanceof GPUComputePipeline)) throw new Error(`${label}: ${String(built)}`);
  return built;
}

function pipelineCache(gpu: GPUDevice, { readText, until }: Host): Device["pipeline"] {
  const cache = new Map<string, Promise<GPUComputePipeline>>();
  return (kernel, consts) => {
    const label = labelOf(kernel, consts);
    const cached = cache.get(label);
    if (cached) return cached;
    const source = sourceOf(kernel, consts, readText);
    const compiled = until(source.then((code) => compileKernel(gpu, kernel, label, code)));
    cache.set(label, compiled);
    return compiled;
  };
}

function subgroupSizeOf(gpu: GPUDevice): number {
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = gpu.adapterInfo;
  const offered = gpu.features.has("subgroups") && subgroupMinSize === subgroupMaxSize;
  return offered ? subgroupMinSize : 0;
}

/** What an adapter offers of what we use. */
function offered({ features, limits }: GPUAdapter): GPUDeviceDescriptor {
  return {
    requiredFeatures: WANTED_FEATURES.filter((feature) => features.has(feature)),
    requiredLimits: Object.fromEntries(RAISED_LIMITS.map((name) => [name, limits[name]])),
  };
}

/**
 * Open a device.
 *
 * @param choice   which adapter, in Node; `ROCLIP_ADAPTER` when left out, else `auto`
 * @param options  least: no optional feature and no limit above WebGPU's defaults, as the least of
 *                 adapters; all that the adapter offers when left out
 * @throws         Error saying what to install when there is no adapter
 */
export async function openDevice(
  choice?: AdapterChoice,
  { least = false }: { readonly least?: boolean } = {},
): Promise<Device> {
  const gpuOfBrowser = browserGpu();
  const wanted = choice ?? ((globalThis.process?.env.ROCLIP_ADAPTER ?? "auto") as AdapterChoice);
  const host = gpuOfBrowser ? await browserHost(gpuOfBrowser) : await nodeHost(wanted);
  const { adapter } = host;
  const gpu = await adapter.requestDevice(least ? {} : offered(adapter));
  let failure: string | undefined;
  gpu.addEventListener("uncapturederror", (event) => {
    failure ??= (event as GPUUncapturedErrorEvent).error.message;
  });
  gpu.lost.then(({ reason, message }) => {
    if (reason !== "destroyed") failure ??= `the device was lost (${message})`;
  });
  const { description, vendor, architecture } = adapter.info;
  return {
    gpu,
    name: description || `${vendor} ${architecture}`.trim(),
    software: host.software,
    subgroupSize: subgroupSizeOf(gpu),
    half: gpu.features.has("shader-f16"),
    matrices: multipliesMatrices(gpu),
    bindingBytes: gpu.limits.maxStorageBufferBindingSize,
    held: new Map(),
    tuned: new Map(),
    files: host.files,
    source: (kernel) => sourceOf(kernel, {}, host.readText),
    pipeline: pipelineCache(gpu, host),
    until: host.until,
    check() {
      if (failure) throw new Error(`device: ${failure}`);
    },
    close() {
      gpu.destroy();
      host.release();
    },
  };
}

/**
 * Bytes of a tensor's storage, rounded up to WebGPU's unit for copies.
 *
 * @param half  whether elements of f16 have two bytes (`Device.half`)
 */
export function byteLength({ elements, dtype }: Storage, half: boolean): number {
  const words = dtype === "f16" && half ? Math.ceil(elements / 2) : elements;
  return Math.max(words, 1) * WORD_BYTES;
}
