/** `roclip config`: what a configuration comes to, and where each value is from. */
import type { Command } from "commander";
import { PRESETS } from "../configs/presets.ts";
import { explainConfig, presetOf } from "../explain.ts";
import { applyFlags } from "../flags.ts";
import { addConfigOptions, addPresetOption, configFile, configOf } from "./common.ts";

interface Options {
  readonly config?: string;
  readonly preset?: string;
  readonly explain?: boolean;
}

function runConfig(options: Options & Record<string, unknown>): void {
  const config = configOf(options);
  if (!options.explain) {
    console.log(JSON.stringify(config, undefined, 2));
    return;
  }
  const { preset } = options;
  const layers: [string, unknown][] = [["flag", applyFlags({}, options)]];
  if (options.config !== undefined) layers.push([options.config, configFile(options.config)]);
  if (preset !== undefined) layers.push([`preset ${preset}`, presetOf(preset).config]);
  console.log(explainConfig({ config, layers }));
  if (preset !== undefined) console.log(`\npreset ${preset}: ${presetOf(preset).source}`);
}

/** Add the command to the program. */
export function addConfig(program: Command): void {
  const command = program
    .command("config")
    .description("Print a configuration: defaults, a preset, a file, flags; nothing is run.")
    .option("--explain", "every key with its value, its default and where the value is from");
  addPresetOption(command);
  addConfigOptions(command);
  const presets = Object.entries(PRESETS).map(([name, { source }]) => `  ${name}: ${source}`);
  command.addHelpText(
    "after",
    `
Presets:
${presets.join("\n")}

Examples:
  roclip config --preset authors-code --explain
  roclip config --preset small --batch 64 > run.json`,
  );
  command.action(runConfig);
}
