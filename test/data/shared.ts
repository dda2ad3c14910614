import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { unpackTar } from "modern-tar";

/** The path of a shared data file in `../shared/data`, beside the repository. */
export function sharedFile(name: string): string {
  return fileURLToPath(new URL(`../../../shared/data/${name}`, import.meta.url));
}

/** The text files of a shared tar.gz, by name; a missing file is a failure that names its path. */
export async function sharedTexts(name: string): Promise<Map<string, string>> {
  const entries = await unpackTar(gunzipSync(await readFile(sharedFile(name))));
  return new Map(entries.map(({ header, data }) => [header.name, new TextDecoder().decode(data)]));
}
