/** Compiles the package into `dist` and puts the `.wgsl` files beside their compiled records. */
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

rmSync("dist", { recursive: true, force: true });
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});
for (const entry of readdirSync("kernels", { recursive: true, encoding: "utf8" }))
  if (entry.endsWith(".wgsl")) cpSync(join("kernels", entry), join("dist", "kernels", entry));
