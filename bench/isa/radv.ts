/**
 * Mesa's RADV as a compiler alone: over mesa-drm-shim's device that does nothing, Dawn believes in
 * a Radeon whose pipelines are really compiled. Nothing runs.
 */
import { fork } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../roclip/errors.ts";
import type { Target } from "./bound.ts";
import { type Printed, splitPrinted } from "./marks.ts";
import type { Shader } from "./variants.ts";

const SHIM = /^libamdgpu_noop_drm_shim\.so$/;
const MANIFEST = /^radeon_icd.*\.json$/;
const LIBRARY_FOLDERS = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
];
const MANIFEST_FOLDERS = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/** The files that make RADV run without a GPU. */
export interface Radv {
  readonly shim: string;
  readonly manifest: string;
}

function findFile(folders: readonly string[], pattern: RegExp): string | undefined {
  for (const folder of folders.filter(existsSync)) {
    const name = readdirSync(folder).find((file) => pattern.test(file));
    if (name) return join(folder, name);
  }
  return undefined;
}

/**
 * Find the shim and RADV's manifest.
 *
 * @param libraries  folders that may hold the shim
 * @param manifests  folders that may hold the manifest
 * @throws           UserError naming the package that lacks
 */
export function findRadv(libraries = LIBRARY_FOLDERS, manifests = MANIFEST_FOLDERS): Radv {
  const shim = findFile(libraries, SHIM);
  const manifest = findFile(manifests, MANIFEST);
  if (shim && manifest) return { shim, manifest };
  const lacking = [
    shim ? "" : "libamdgpu_noop_drm_shim.so was not found; on Debian it is in mesa-drm-shim",
    manifest ? "" : "radeon_icd.json was not found; on Debian it is in mesa-vulkan-drivers",
  ];
  throw new UserError(
    "bench isa: Mesa's RADV and its no-op device must be installed (Linux only); " +
      `${lacking.filter(Boolean).join("; ")} (Debian 12: both from bookworm-backports)`,
  );
}

/** The variables by which Vulkan's loader, the shim and RADV are told what to do. */
export function environment({ shim, manifest }: Radv, device: Target): Record<string, string> {
  return {
    LD_PRELOAD: shim,
    AMDGPU_GPU_ID: device,
    VK_ICD_FILENAMES: manifest,
    VK_DRIVER_FILES: manifest,
    RADV_DEBUG: "asm,shaderstats,nocache",
  };
}

/**
 * What a compiling process writes to stderr. It goes to a file: a pipe that is full makes C's
 * output, unlike Node's, lose what it cannot write.
 */
async function outputOf(env: NodeJS.ProcessEnv, shaders: readonly Shader[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "bench-isa-"));
  const path = join(folder, "stderr");
  const file = openSync(path, "w");
  try {
    const script = fileURLToPath(new URL("./compiler.ts", import.meta.url));
    const child = fork(script, { env, stdio: ["ignore", "inherit", file, "ipc"] });
    child.send(shaders);
    await new Promise((resolve, reject) => child.on("close", resolve).on("error", reject));
    return readFileSync(path, "utf8");
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}

const LAST_WORDS = 500; // characters

/**
 * Compile shaders for a device, in a process of its own: the environment decides on the device, and
 * RADV writes to the process's stderr.
 *
 * @returns  what was printed of each shader, in order
 * @throws   Error when the compiler ended before the last shader
 */
export async function compileFor(
  radv: Radv,
  device: Target,
  shaders: readonly Shader[],
): Promise<Printed[]> {
  const output = await outputOf({ ...process.env, ...environment(radv, device) }, shaders);
  const printed = splitPrinted(output);
  const stopped = shaders.find((_, place) => printed[place]?.index !== place);
  if (!stopped) return printed;
  throw new Error(
    `isa: every shader must be compiled; the compiler for ${device} ended at ` +
      `${stopped.kernel}[${stopped.variant}]; its last words: ${output.slice(-LAST_WORDS)}`,
  );
}
