/** `npm run bench -- isa`: what a real GPU's compiler makes of every kernel, without the GPU. */
import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { UserError } from "../../roclip/errors.ts";
import { loadCases } from "../../test/cases.ts";
import { hostFacts } from "../machine.ts";
import { parseAssembly } from "./assembly.ts";
import { ALL_TARGETS, type IsaRow, isaRow, shadersOn, TARGETS, type Target } from "./bound.ts";
import { type CapturedFile, capturedShaders, readCaptured } from "./captured.ts";
import { compileFor, findRadv, type Radv } from "./radv.ts";
import { formatIsaHead, formatIsaRow, formatLegend } from "./table.ts";
import { statedWave } from "./threads.ts";
import { kernelShaders, type Shader } from "./variants.ts";

interface Options {
  readonly device?: readonly Target[];
  readonly captured?: string;
  readonly defaults?: true;
  readonly only: string;
  readonly json?: string;
}

/** What `--only` leaves of the kernels, or of the captured shaders. */
async function shadersFor(
  { only, defaults }: Options,
  captured: CapturedFile | undefined,
): Promise<Shader[]> {
  const choices = defaults ? "default" : "all";
  const all = captured
    ? capturedShaders(captured.shaders)
    : await kernelShaders(await loadCases(), choices);
  const holds = ({ peer = "", kernel, variant }: Shader) =>
    `${peer} ${kernel} ${variant}`.toLowerCase().includes(only.toLowerCase());
  const shaders = all.filter(holds);
  if (shaders.length > 0) return shaders;
  const kernels = [...new Set(all.map(({ kernel }) => kernel))].join(", ");
  throw new UserError(
    `bench isa: --only must be part of a kernel's name and variant; "${only}" is part of none; ` +
      `kernels are ${kernels}`,
  );
}

/** Compile for one device and print its table; what was refused is named, and passed over. */
async function printDevice(radv: Radv, device: Target, all: readonly Shader[]) {
  const shaders = shadersOn(device, all);
  const rows: IsaRow[] = [];
  console.log(`\n${device} · ${TARGETS[device].name}\n${formatIsaHead()}`);
  for (const { index, text, refusal } of await compileFor(radv, device, shaders)) {
    const shader = shaders[index]!;
    const { kernel, variant } = shader;
    if (refusal) {
      console.error(`not compiled: ${kernel}[${variant}]: ${refusal}`);
      process.exitCode = 1;
      continue;
    }
    const row = await isaRow(shader, device, parseAssembly(text, statedWave(shader)));
    console.log(formatIsaRow(row));
    rows.push(row);
  }
  return rows;
}

async function benchIsa(_: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<Options>();
  const radv = findRadv();
  const captured = options.captured ? readCaptured(options.captured) : undefined;
  const shaders = await shadersFor(options, captured);
  console.log(formatLegend());
  const rows: IsaRow[] = [];
  for (const device of new Set(options.device ?? ALL_TARGETS))
    rows.push(...(await printDevice(radv, device, shaders)));
  const source = captured && { capturedOn: captured.machine.adapter };
  const found = { host: hostFacts(), ...source, rows };
  if (options.json) writeFileSync(options.json, `${JSON.stringify(found, undefined, 2)}\n`);
}

const EXAMPLES = `
--only and --json as in bench. Needs Debian's mesa-drm-shim and mesa-vulkan-drivers; runs nothing.

Examples:
  npm run bench -- isa --only matmul --device navi31
  npm run bench -- peers --capture shaders.json
  npm run bench -- isa --captured shaders.json --device navi31`;

/** The subcommand; `--only` and `--json` are those of `bench`. */
export function isaCommand(): Command {
  return new Command("isa")
    .description("Registers, spills and the instructions of the hot loop, by a GPU's compiler.")
    .addOption(new Option("--device <id...>", "which GPU to compile for; all").choices(ALL_TARGETS))
    .option("--defaults", "only what runs untuned: each constant's default")
    .option("--captured <file>", "the shaders in a file of captured ones, not our own")
    .addHelpText("after", EXAMPLES)
    .exitOverride()
    .action(benchIsa);
}
