/** Where the peers' packages come from: a folder of their own, which only this bench needs. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { UserError } from "../../../roclip/errors.ts";

const FOLDER = new URL("../", import.meta.url);
const load = createRequire(new URL("package.json", FOLDER));

/** Whether they are there. */
export const peersInstalled = (): boolean =>
  existsSync(fileURLToPath(new URL("node_modules", FOLDER)));

/**
 * Refuse to begin without the packages.
 *
 * @throws  UserError saying what to run
 */
export function requireInstalled(): void {
  if (peersInstalled()) return;
  throw new UserError(
    "bench: the peers must be installed; bench/peers/node_modules is not there; " +
      "run: npm ci --ignore-scripts --prefix bench/peers",
  );
}

/** A package of that folder, as the caller describes it. */
export function loadPeer<T>(name: string): T {
  return load(name) as T;
}

/** The version of a package that is installed. */
export function versionOf(name: string): string {
  const main = load.resolve(name);
  const root = main.slice(0, main.lastIndexOf(name) + name.length);
  return (load(`${root}/package.json`) as { version: string }).version;
}
