/** All cases, by the name of their file, which is the op's. */
import { readdirSync } from "node:fs";
import type { Case } from "./case.ts";

const folder = new URL("./ops/", import.meta.url);

/** Every case of `test/ops`; a file exports one as default or several by name. */
export async function loadCases(): Promise<ReadonlyMap<string, Case>> {
  const cases = new Map<string, Case>();
  for (const file of readdirSync(folder).sort()) {
    const module: Record<string, Case> = await import(new URL(file, folder).href);
    const op = file.replace(/\.ts$/, "");
    for (const [name, definition] of Object.entries(module))
      cases.set(name === "default" ? op : `${op}.${name}`, definition);
  }
  return cases;
}
