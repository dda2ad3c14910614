/** What a run begins with that was trained before: weights, and the tokenizer they are for. */
import { statSync } from "node:fs";
import type { HostArray } from "../engine/index.ts";
import { requireTensors, specsOf } from "./checkpoint.ts";
import { UserError } from "./errors.ts";
import { initState, type Weights } from "./model.ts";
import { readRun } from "./runFolder.ts";
import type { Config } from "./schema.ts";
import { type Tokenizer, tokenizerFromJson } from "./tokenize.ts";
import { readWeights } from "./weights.ts";

const isFolder = (path: string) =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** What of a state is the weights. */
const weightsOf = ({ params, statistics }: Weights<HostArray>) => ({ params, statistics });

/**
 * The weights that `pretrained` names: of a file, or of a run (the averaged ones, where it has them).
 *
 * @param like  weights of the configuration's model
 * @throws      UserError when they are of another model, or cannot be read
 */
export async function readPretrained(
  {
    pretrained,
    model,
    compactVocabulary,
  }: Pick<Config, "pretrained" | "model" | "compactVocabulary">,
  like: Weights<HostArray>,
): Promise<Weights<HostArray>> {
  if (!isFolder(pretrained)) {
    if (!compactVocabulary) return readWeights(pretrained, model, like);
    throw new UserError(
      `${pretrained}: weights of a file must have all of their tokens; found compactVocabulary; ` +
        "leave out --compact-vocabulary",
    );
  }
  const { progress, state } = await readRun(pretrained);
  const tokenizer = tokenizerFromJson(progress.tokenizer);
  const saved = state(initState(progress.config, tokenizer.vocabularySize, progress.pairs));
  const weights = weightsOf(saved.average ?? saved);
  requireTensors(specsOf(weights), specsOf(weightsOf(like)), pretrained);
  return weights;
}

/** The tokenizer of the run that `pretrained` names; undefined where it names none. */
export async function pretrainedTokenizer({
  pretrained,
}: Pick<Config, "pretrained">): Promise<Tokenizer | undefined> {
  if (pretrained === "" || !isFolder(pretrained)) return undefined;
  return tokenizerFromJson((await readRun(pretrained)).progress.tokenizer);
}
