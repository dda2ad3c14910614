/** Every example runs and prints what it promises. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const PROMISES: Readonly<Record<string, RegExp>> = {
  "01-tensor.ts": /product Float32Array\(4\) \[ 4, 5, 10, 11 \]/,
  "02-gradient.ts": /weight 1\.00 2\.00 3\.00/,
  "03-nearest.ts": /rows Uint32Array\(8\) [\s\S]*cosines Float32Array\(8\)/,
};

describe("examples", () => {
  it("are all promised", () => {
    expect(readdirSync(`${root}/examples`)).toEqual(Object.keys(PROMISES));
  });

  for (const [file, promise] of Object.entries(PROMISES))
    it(`${file} prints what it promises`, () => {
      const words = [`${root}/node_modules/tsx/dist/cli.mjs`, `examples/${file}`];
      expect(execFileSync(process.execPath, words, { cwd: root, encoding: "utf8" })).toMatch(
        promise,
      );
    });
});
