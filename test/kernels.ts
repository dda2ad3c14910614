/** All kernels. */
import { readdirSync } from "node:fs";
import type { AnyKernel } from "../kernels/kernel.ts";

const root = new URL("../kernels/", import.meta.url);

/** Every record in a folder of `kernels`. */
export async function loadKernels(): Promise<AnyKernel[]> {
  const kernels: AnyKernel[] = [];
  const folders = readdirSync(root, { withFileTypes: true }).filter((f) => f.isDirectory());
  for (const { name } of folders.filter(({ name }) => name !== "lib"))
    for (const file of readdirSync(new URL(`${name}/`, root)).filter((f) => f.endsWith(".ts"))) {
      const exported = Object.values(await import(new URL(`${name}/${file}`, root).href));
      kernels.push(...(exported as AnyKernel[]).filter((value) => value?.source instanceof URL));
    }
  return kernels;
}
