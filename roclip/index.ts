/** The method's public face: `import { … } from "roclip"`. */
export { assess, type MeasureRow } from "./assess.ts";
export { assessSet } from "./assessSet.ts";
export { attack } from "./attack.ts";
export { type Config, parseConfig } from "./config.ts";
export { type Dataset, subset } from "./data/dataset.ts";
export { readEmoji } from "./data/emoji.ts";
export { evaluationSet, readSet } from "./data/evaluationSets.ts";
export { readManifest } from "./data/manifest.ts";
export { createEda } from "./eda.ts";
export { UserError } from "./errors.ts";
export { createEmbedder, type EvaluationData, evaluate, subjectsOf } from "./evaluate.ts";
export {
  backdoorSuccess,
  classVectors,
  poisonSuccess,
  type Rows,
  wilson,
  zeroShot,
} from "./measures.ts";
export { type HeldState, initState, type State } from "./model.ts";
export { beginRun, readRun, type SavedRun } from "./runFolder.ts";
export { isMatchingEpoch, learningRate, type StepKind } from "./schedule.ts";
export { type Batch, trainingStep } from "./step.ts";
export { clipTokenizer, learnTokenizer, type Tokenizer } from "./tokenize.ts";
export { type LoadedModel, loadModel, type TrainOptions, train } from "./train.ts";
