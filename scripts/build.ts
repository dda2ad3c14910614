/** Compiles the package into `dist`, with the files that it reads beside what reads them. */
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

rmSync("dist", { recursive: true, force: true });
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});
for (const [folder, ending] of [
  ["kernels", ".wgsl"],
  ["roclip", ".json"],
  ["roclip", ".yaml"],
] as const)
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" }))
    if (entry.endsWith(ending)) cpSync(join(folder, entry), join("dist", folder, entry));
