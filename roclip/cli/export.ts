/** `roclip export`: a run's weights as a file for other programs. */
import type { Command } from "commander";
import { writeAtomically } from "../checkpoint.ts";
import { initState } from "../model.ts";
import { readRun, stepsDone } from "../runFolder.ts";
import { safetensorsParts } from "../safetensors.ts";
import { tokenizerFromJson } from "../tokenize.ts";
import { foreignWeights } from "../weights.ts";

interface Options {
  readonly out: string;
  readonly f16?: boolean;
  readonly customText?: boolean;
}

async function runExport(path: string, options: Options): Promise<void> {
  const { out, f16: half = false, customText = false } = options;
  const saved = await readRun(path);
  const { config, tokenizer, pairs } = saved.progress;
  const { vocabularySize } = tokenizerFromJson(tokenizer);
  const state = saved.state(initState(config, vocabularySize, pairs));
  const choice = { half, customText, steps: stepsDone(saved.progress) };
  const parts = safetensorsParts(foreignWeights(config.model, state, choice));
  await writeAtomically(out, parts);
  console.log(`Written to ${out}: ${parts.reduce((sum, part) => sum + part.length, 0)} bytes.`);
  if (config.model === "small") {
    console.log("The small model is ours alone, so its tensors have our names and layouts.");
    return;
  }
  const whose = customText ? "open_clip's CustomTextCLIP" : "open_clip's and OpenAI's CLIP";
  console.log(`Its tensors have the names and layouts of ${whose}.`);
  if (config.merges === "" || config.compactVocabulary)
    console.log(
      "Its tokens are those of the training captions: CLIP's own tokenizer does not fit it.",
    );
}

/** Add the command to the program. */
export function addExport(program: Command): void {
  const command = program
    .command("export")
    .description(
      "Write a run's weights as safetensors, in the names of open_clip's and OpenAI's CLIP.",
    )
    .argument("<run>", "run folder, or its checkpoint.safetensors")
    .requiredOption("--out <file>", "file to write")
    .option("--f16", "half precision where OpenAI's files have it")
    .option("--custom-text", "names of open_clip's CustomTextCLIP: those of the text under text.");
  command.addHelpText(
    "after",
    `
Examples:
  roclip export runs/rn50 --out rn50.safetensors --f16`,
  );
  command.action(runExport);
}
