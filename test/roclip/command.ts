/** The command line as a person runs it, and small data to run it on. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What a command came to. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
}

/** Start the command line from source. */
function start(words: readonly string[], done: (outcome: Outcome) => void) {
  const command = ["--import", "tsx", "roclip/cli.ts", ...words];
  return execFile(process.execPath, command, { cwd: root }, (error, out, errors) => {
    done({ code: typeof error?.code === "number" ? error.code : 0, out, errors });
  });
}

/** Run the command line with its output closed at once, as by `| head`. */
export function roclipUnread(words: readonly string[]): Promise<Outcome> {
  return new Promise((done) => start(words, done).stdout!.destroy());
}

/** Run the command line; press Ctrl-C once its output matches `interruptAt`. */
export function roclip(words: readonly string[], interruptAt?: RegExp): Promise<Outcome> {
  return new Promise((done) => {
    const child = start(words, done);
    let shown = "";
    let pressed = interruptAt === undefined;
    child.stdout!.on("data", (text: string) => {
      shown += text;
      if (pressed || !interruptAt!.test(shown)) return;
      pressed = child.kill("SIGINT");
    });
  });
}

/** A table of captions (`pairs.csv`) and a folder of images (`images`), each of one colour. */
export async function writePairs(folder: string, rows: number): Promise<void> {
  const images = join(folder, "images");
  mkdirSync(images);
  const lines = ["image,caption,label"];
  for (let row = 0; row < rows; row++) {
    const [name, red] = row % 2 === 0 ? ["red", 255] : ["blue", 0];
    const background = { r: red, g: row, b: 255 - red };
    const flat = sharp({ create: { width: 8, height: 8, channels: 3, background } });
    await flat.png().toFile(join(images, `${row}.png`));
    lines.push(`${row}.png,a ${name} square of shade ${row},${name}`);
  }
  writeFileSync(join(folder, "pairs.csv"), lines.join("\n"));
}
