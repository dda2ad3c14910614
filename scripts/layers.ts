/**
 * Checks that imports point one way: kernels ← engine ← roclip ← cli, bench, examples; that files
 * do not import each other in circles; and that Node modules stay behind their seams.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";

/** What each top-level folder may import besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  kernels: [],
  engine: ["kernels"],
  roclip: ["engine"],
  bench: ["engine", "kernels", "roclip", "test"],
  examples: ["engine", "roclip"],
  scripts: ["engine", "kernels", "roclip", "bench"],
  test: ["engine", "kernels", "roclip", "bench", "scripts", "examples"],
};

/**
 * The files of the browser-clean folders that may import Node modules, and packages that need Node.
 */
const NODE_SEAMS: Readonly<Record<string, RegExp>> = {
  kernels: /^$/,
  engine: /^engine\/adapter\.ts$/,
};

/** A source file with the modules it names. */
export interface Source {
  readonly path: string;
  readonly imports: readonly string[];
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"|(?:^|[^\w.])import\("([^"]+)"\)/g;

/** The modules that a TypeScript text imports. */
export function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map((m) => (m[1] ?? m[2]) as string);
}

function readSources(root: string): Source[] {
  const found: Source[] = [];
  const walk = (folder: string) => {
    for (const name of readdirSync(join(root, folder))) {
      const path = join(folder, name);
      if (name === "node_modules") continue;
      if (statSync(join(root, path)).isDirectory()) walk(path);
      else if (name.endsWith(".ts"))
        found.push({ path, imports: importsOf(readFileSync(join(root, path), "utf8")) });
    }
  };
  Object.keys(MAY_IMPORT).forEach(walk);
  return found;
}

const top = (path: string) => path.split("/")[0] as string;
const resolve = (from: string, to: string) => normalize(join(dirname(from), to));

function directionFaults({ path, imports }: Source): string[] {
  const layer = top(path);
  return imports
    .filter((name) => name.startsWith("."))
    .map((name) => resolve(path, name))
    .filter((target) => target.includes("/"))
    .filter((target) => top(target) !== layer && !MAY_IMPORT[layer]?.includes(top(target)))
    .map((target) => `${path}: ${layer} must not import ${top(target)}; it imports ${target}`);
}

function seamFaults({ path, imports }: Source): string[] {
  const seam = NODE_SEAMS[top(path)];
  if (!seam || seam.test(path)) return [];
  return imports
    .filter((name) => !name.startsWith("."))
    .map((name) => `${path}: only ${seam.source} may import a package here; it imports ${name}`);
}

/** One fault for each circle of imports that a depth-first walk closes. */
function circleFaults(sources: readonly Source[]): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const faults: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) {
      faults.push(
        `imports go in a circle: ${[...trail.slice(trail.indexOf(path)), path].join(" → ")}`,
      );
      return;
    }
    if (done.has(path)) return;
    for (const name of byPath.get(path)?.imports ?? [])
      if (name.startsWith(".")) visit(resolve(path, name), [...trail, path]);
    done.add(path);
  };
  for (const { path } of sources) visit(path, []);
  return faults;
}

/** Every import that breaks a rule, in words. */
export function layerFaults(sources: readonly Source[]): string[] {
  return [
    ...sources.flatMap(directionFaults),
    ...sources.flatMap(seamFaults),
    ...circleFaults(sources),
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const faults = layerFaults(readSources(process.cwd()));
  for (const fault of faults) console.error(`layers: ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
