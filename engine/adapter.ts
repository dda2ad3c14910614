/**
 * Finding a WebGPU adapter in Node: the one place that knows Dawn, Vulkan drivers and the file
 * system. A browser never loads this file; `device.ts` uses `navigator.gpu` and `fetch` there.
 *
 * On Linux the choice of Vulkan driver is made by environment variables that the Vulkan loader
 * reads when Dawn starts, so it is made here, before `webgpu` is imported.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { constants, homedir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { unpackTar } from "modern-tar";

/**
 * Which adapter to use. `auto`: a GPU if there is one, else Mesa's llvmpipe, else SwiftShader.
 * `gpu`: a hardware GPU or nothing. `llvmpipe` and `swiftshader`: that software driver or nothing.
 */
export const ADAPTER_CHOICES = ["auto", "gpu", "llvmpipe", "swiftshader"] as const;
export type AdapterChoice = (typeof ADAPTER_CHOICES)[number];

/** An adapter, and what must stay referenced while it is used (Dawn's `GPU` object). */
export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  readonly keepAlive: unknown;
}

const ICD_FOLDERS = [
  "/usr/share/vulkan/icd.d",
  "/usr/local/share/vulkan/icd.d",
  "/etc/vulkan/icd.d",
];
const SWIFTSHADER_PACKAGE = "@sparticuz/chromium";
// RTLD_NODELETE
const DLOPEN_FLAGS = constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | 0x1000;

/** Load a shared library into the process and keep it; false when it is not there. */
function load(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library, DLOPEN_FLAGS);
  } catch (error) {
    // Node reports a library that loaded but is no Node addon in these words: that is success.
    return /did not self-register/.test(String(error));
  }
  return true;
}

function useDriver(icdFile: string): void {
  process.env.VK_ICD_FILENAMES = icdFile;
  process.env.VK_DRIVER_FILES = icdFile;
}

/** The manifest of Mesa's software driver, where a distribution puts it. */
function llvmpipeManifest(): string | undefined {
  const files = ICD_FOLDERS.filter(existsSync).flatMap((d) =>
    readdirSync(d).map((f) => join(d, f)),
  );
  return files.find((file) => /\/lvp_icd[^/]*\.json$/.test(file));
}

/** Where files are kept that can be made again. */
const cacheFolder = () => join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "roclip");

const systemHasDriver = () =>
  Boolean(process.env.VK_ICD_FILENAMES || process.env.VK_DRIVER_FILES) ||
  ICD_FOLDERS.some((folder) => existsSync(folder) && readdirSync(folder).length > 0);

/**
 * The folder that SwiftShader is unpacked in, once; undefined when its package is not installed.
 */
async function swiftShaderFolder(): Promise<string | undefined> {
  let archive: string;
  try {
    const main = createRequire(import.meta.url).resolve(SWIFTSHADER_PACKAGE);
    const root = main.slice(0, main.lastIndexOf(SWIFTSHADER_PACKAGE) + SWIFTSHADER_PACKAGE.length);
    archive = join(root, "bin", "swiftshader.tar.br");
  } catch {
    return undefined;
  }
  const folder = join(cacheFolder(), "swiftshader-147");
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  for (const entry of await unpackTar(brotliDecompressSync(await readFile(archive))))
    if (entry.data && /vulkan|swiftshader/.test(entry.header.name))
      writeFileSync(join(unfinished, entry.header.name), entry.data);
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true });
    if (!existsSync(folder)) throw error; // else another process was first
  }
  return folder;
}

// Browsers round GPU times to 65.536 µs so that pages cannot spy by them; a Node process need not.
const EXACT_TIMES = "disable-dawn-features=timestamp_quantization";

// Dawn offers experimental features (matrices of subgroups) only with this; a page never gets them.
const EXPERIMENTS = "enable-dawn-features=allow_unsafe_apis";

async function requestFromDawn(options: string[]): Promise<FoundAdapter | undefined> {
  const { create, globals } = await import("webgpu");
  for (const [name, value] of Object.entries(globals))
    if (!(name in globalThis)) Object.assign(globalThis, { [name]: value });
  const gpu = create([...options, EXACT_TIMES, EXPERIMENTS]);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  return adapter ? { adapter, keepAlive: gpu } : undefined;
}

async function fromSwiftShader(): Promise<FoundAdapter | undefined> {
  const folder = await swiftShaderFolder();
  if (!folder) return undefined;
  useDriver(join(folder, "vk_swiftshader_icd.json"));
  load(join(folder, "libvulkan.so.1"));
  return requestFromDawn(["backend=vulkan"]);
}

async function onLinux(choice: AdapterChoice): Promise<FoundAdapter | undefined> {
  if (choice === "swiftshader") return fromSwiftShader();
  const manifest = llvmpipeManifest();
  if (choice === "llvmpipe") {
    if (!manifest || !load("libvulkan.so.1")) return undefined;
    useDriver(manifest);
    return requestFromDawn(["backend=vulkan"]);
  }
  const found =
    systemHasDriver() && load("libvulkan.so.1")
      ? await requestFromDawn(["backend=vulkan"])
      : undefined;
  const software = found && isSoftware(found.adapter.info);
  if (choice === "gpu") return software ? undefined : found;
  return found ?? fromSwiftShader();
}

/** Whether an adapter runs on the CPU. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  return /llvmpipe|swiftshader|software|basic render/i.test(
    `${info.description} ${info.device} ${info.architecture} ${info.vendor}`,
  );
}

const INSTALL_HINTS: Readonly<Record<string, string>> = {
  linux:
    "install a Vulkan driver, for example Mesa's (Debian 13, Ubuntu 24.04 or newer: " +
    "apt-get install mesa-vulkan-drivers libvulkan1; Debian 12: the same from " +
    "bookworm-backports), or on x64 " +
    "run npm install with optional dependencies, which bring SwiftShader",
  darwin: "use a Mac with Metal (macOS 12 or newer)",
  win32: "install a graphics driver with Direct3D 12 or Vulkan",
};

/**
 * Find an adapter in Node.
 *
 * @throws  Error saying what to install when there is none
 */
export async function findAdapter(choice: AdapterChoice): Promise<FoundAdapter> {
  if (!ADAPTER_CHOICES.includes(choice))
    throw new Error(
      `adapter: the choice must be one of ${ADAPTER_CHOICES.join(", ")}; it is ${choice}; ` +
        "set ROCLIP_ADAPTER or --adapter to one of them",
    );
  const { platform } = process;
  const found = platform === "linux" ? await onLinux(choice) : await requestFromDawn([]);
  if (found) return found;
  const hint = INSTALL_HINTS[platform] ?? "use a system with Vulkan, Metal or Direct3D 12";
  throw new Error(
    `adapter: a WebGPU adapter (${choice}) must be present; ` +
      `none was found on ${platform}; ${hint}`,
  );
}

const NAP_MS = 0.2; // little beside a training step; long beside a turn of the event loop
const cell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
let waiting = 0;
let napping = false;

function nap(): void {
  napping = waiting > 0;
  if (!napping) return;
  Atomics.wait(cell, 0, 0, NAP_MS);
  setImmediate(nap);
}

/**
 * Await what the GPU does, and leave the CPU to others meanwhile. Dawn's binding for Node asks for
 * news in every turn of the event loop and so keeps a whole core busy, which a software adapter
 * could compute with; a nap in each turn frees it.
 */
export async function until<T>(pending: Promise<T>): Promise<T> {
  waiting++;
  if (!napping) setImmediate(nap);
  napping = true;
  try {
    return await pending;
  } finally {
    waiting--;
  }
}

/** The files that a device keeps between processes. */
export const files = {
  read(name: string): Promise<string | undefined> {
    const path = join(cacheFolder(), name);
    return existsSync(path) ? readFile(path, "utf8") : Promise.resolve(undefined);
  },
  async write(name: string, text: string): Promise<string> {
    const path = join(cacheFolder(), name);
    const unfinished = `${path}.${process.pid}`;
    mkdirSync(cacheFolder(), { recursive: true });
    writeFileSync(unfinished, text);
    renameSync(unfinished, path);
    return path;
  },
};

/** The text of a file that stands beside the code, such as a `.wgsl` source. */
export function readText(url: URL): Promise<string> {
  return readFile(url, "utf8");
}
