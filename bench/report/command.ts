/** `npm run bench -- results`: pages and figures of what was measured, or is first. */
import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Command, Option } from "commander";
import sharp from "sharp";
import { openDevice } from "../../engine/device.ts";
import { UserError } from "../../roclip/errors.ts";
import type { Options } from "../command.ts";
import { ALL_TARGETS } from "../isa/bound.ts";
import { hottestOfEach } from "../isa/captured.ts";
import { TARGET } from "../ladder/measure.ts";
import { folderOf } from "../machine.ts";
import { peersInstalled } from "../peers/engines/load.ts";
import { figuresOf } from "./figures.ts";
import { pathOf, publishSweep, ROOT, readNotes, readResults, readSweeps } from "./files.ts";
import { FIGURES, fashionOf, pagesOf } from "./pages.ts";

const MEASURES = ["step", "scale", "ladder", "isa", "peers"] as const;
type Measure = (typeof MEASURES)[number];

const PNG_DENSITY = 144; // dots per inch; an SVG's pixel is 1/96 inch

/** The folder of the adapter that the commands will open. */
async function adapterFolder({ adapter }: Options): Promise<string> {
  const device = await openDevice(adapter).catch((error: unknown) => {
    throw new UserError(error instanceof Error ? error.message : String(error));
  });
  device.close();
  return folderOf(device.name);
}

/** What a command is told beside where to write: its file holds what the pages need. */
const ARGUMENTS: Readonly<Record<Measure, readonly string[]>> = {
  step: ["--whole", "--seconds", "1"], // two short times are compared
  scale: [],
  ladder: [],
  isa: ["--defaults"],
  peers: [],
};

/** Run bench in a process of its own; whether all went well. */
async function runBench(name: string, given: readonly string[]): Promise<boolean> {
  const child = fork(process.argv[1]!, given);
  const code = await new Promise((resolve, reject) =>
    child.on("close", resolve).on("error", reject),
  );
  if (code === 0) return true;
  console.error(`bench results: ${name} ended with ${code}; what it could not measure is above`);
  process.exitCode = 1;
  return false;
}

/** Run one command, which writes its file in a folder. */
async function measure(name: Measure, folder: string, given: readonly string[]): Promise<void> {
  const path = pathOf(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  await runBench(name, ["--json", path, name, ...ARGUMENTS[name], ...given]);
}

/**
 * Compile other engines' shaders for one GPU: caught anew, as they are not ours to keep; of each
 * engine and op the hottest is kept as numbers.
 */
async function measureCaptured(given: readonly string[]): Promise<void> {
  if (!peersInstalled()) {
    console.log("bench results: other engines are not installed; their compiled rows stay");
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "bench-captured-"));
  const [shaders, path] = ["shaders.json", "rows.json"].map((file) => join(folder, file)) as [
    string,
    string,
  ];
  const compile = ["--json", path, "isa", "--captured", shaders, "--device", TARGET];
  try {
    if (!(await runBench("peers --capture", ["peers", "--capture", shaders, ...given]))) return;
    if (!(await runBench("isa --captured", compile))) return;
    const found = JSON.parse(readFileSync(path, "utf8"));
    const kept = { ...found, rows: hottestOfEach(found.rows) };
    writeFileSync(pathOf(TARGET, "captured"), `${JSON.stringify(kept, undefined, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Write the pages and the figures. */
async function writePages(): Promise<void> {
  const [folders, sweeps] = [readResults(), readSweeps()];
  const read = (path: string) => readFileSync(new URL(path, ROOT), "utf8");
  for (const [path, text] of pagesOf(read, folders, sweeps, readNotes()))
    writeFileSync(new URL(path, ROOT), text);
  mkdirSync(new URL(`${FIGURES}/`, ROOT), { recursive: true });
  for (const [name, svg] of await figuresOf(folders, fashionOf(sweeps))) {
    writeFileSync(new URL(`${FIGURES}/${name}.svg`, ROOT), `${svg}\n`);
    const png = sharp(Buffer.from(svg), { density: PNG_DENSITY }).png({ palette: true });
    writeFileSync(new URL(`${FIGURES}/${name}.png`, ROOT), await png.toBuffer());
  }
}

/** Measure, each into its folder. */
async function measureAll(wanted: readonly Measure[], options: Options): Promise<void> {
  const onAdapter = wanted.some((name) => name !== "isa");
  const folder = onAdapter ? await adapterFolder(options) : "";
  const given = options.adapter ? ["--adapter", options.adapter] : [];
  for (const name of wanted) {
    if (name !== "isa") {
      await measure(name, folder, given);
      continue;
    }
    for (const gpu of ALL_TARGETS) await measure(name, gpu, ["--device", gpu]);
    await measureCaptured(given);
  }
}

interface ResultsOptions extends Options {
  readonly measure?: readonly Measure[] | true;
  readonly sweep?: readonly string[];
}

async function benchResults(_: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<ResultsOptions>();
  for (const folder of options.sweep ?? []) publishSweep(folder);
  if (options.measure)
    await measureAll(options.measure === true ? MEASURES : options.measure, options);
  await writePages();
  console.log(`RESULTS.md, tables in other pages and ${FIGURES} are made of bench/results`);
}

/** The subcommand; `--adapter` is that of `bench`. */
export function resultsCommand(): Command {
  return new Command("results")
    .description("Make RESULTS.md and its figures of the rows in bench/results.")
    .addOption(new Option("--measure [what...]", "measure first, all or some").choices(MEASURES))
    .option(
      "--sweep <folders...>",
      "copy the tables of sweeps first, with the cells they are made of",
    )
    .exitOverride()
    .action(benchResults);
}
