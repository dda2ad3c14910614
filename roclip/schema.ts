/**
 * One typed schema for a training run. Flags (`flags.ts`), JSON files, `--help` and error messages
 * (`config.ts`) derive from it. Defaults are the small demo's; where they differ from the paper's
 * authors, the description names their value ("authors": github.com/BigML-CS-UCLA/RoCLIP at
 * f34a929).
 */
import { z } from "zod";
import { memoryBytes } from "./amount.ts";
import { MODEL_SCHEMA, PRESETS } from "./architecture.ts";
import { BACKDOOR, POISON } from "./attackSchema.ts";
import { AUGMENT, EDA } from "./augmentSchema.ts";
import { CLEANCLIP, SAFECLIP } from "./baselines/schema.ts";
import { captionSwitches, matchesAtOnce, ROCLIP } from "./roclipSchema.ts";

const count = () => z.int().min(1);
const share = () => z.number().min(0).max(1);
const strength = () => z.number().min(0);

const IMAGE_TOWER = z.strictObject({
  width: count()
    .default(16)
    .describe("Channels of the first stage, ours; each later stage has twice"),
  pool: z
    .boolean()
    .default(false)
    .describe("Halve the image after the stem by average pooling (authors, as CLIP's ResNets)"),
  blocks: z
    .array(count())
    .min(1)
    .default([1, 1, 1, 1])
    .describe("Residual blocks per stage, ours; each stage after the first halves the image"),
});

const TEXT_TOWER = z.strictObject({
  width: count().default(64).describe("Width of the text transformer (authors: 512)"),
  layers: count().default(2).describe("Layers of the text transformer (authors: 12)"),
  heads: count().default(4).describe("Attention heads; must divide text.width (authors: 8)"),
});

/** The schema; read it through `config.ts`. */
export const CONFIG_SCHEMA = z
  .strictObject({
    seed: z
      .int()
      .min(0)
      .default(1)
      .describe("Seed of every random draw of the run (ours; authors: none)"),
    defence: z
      .enum(["clip", "roclip", "safeclip", "cleanclip"])
      .default("roclip")
      .describe(
        "Train plain CLIP (with the same augmentations), RoCLIP (the paper), or a defence beside it: " +
          "Yang et al. 2024, Bansal et al. 2023",
      ),
    epochs: count().default(20).describe("Passes over the data (authors: 24)"),
    batch: z.int().min(2).default(128).describe("Pairs in a step (authors: 512)"),
    microBatch: z
      .int()
      .min(0)
      .default(0)
      .describe(
        "Pairs whose activations are in memory at once; must divide batch; the loss and the pool " +
          "are the whole batch's, a batch norm's statistics those of so many pairs; 0: all at once (Gao et al. 2021, arXiv:2101.06983)",
      ),
    recompute: share()
      .default(0)
      .describe(
        "Share of each tower's blocks, from the input on, whose activations are computed again for " +
          "the gradient instead of kept; same bits (Chen et al. 2016, arXiv:1604.06174)",
      ),
    precision: z
      .enum(["fp32", "amp"])
      .default("fp32")
      .describe(
        "amp: products of f16 weights and activations, with f32 sums, weights kept in f32, and a " +
          "loss scale that adapts (open_clip's flag, and its default; authors: of the loss alone)",
      ),
    memory: z
      .string()
      .default("")
      .describe(
        "Memory that a run may take on the device, as 8GB or 800MB: recompute is raised until it " +
          'fits (ours); "" for any',
      ),
    model: z
      .union([z.literal("small"), MODEL_SCHEMA])
      .default("small")
      .describe(
        `CLIP model: ${Object.keys(PRESETS).join(", ")}, or in a file an object as open_clip's; it ` +
          "decides sizes and towers. small: what image, text and the sizes say (authors: RN50)",
      ),
    pretrained: z
      .string()
      .default("")
      .describe(
        "Weights to begin with: a safetensors file, as open_clip names them, or a run's folder, " +
          'whose tokenizer is kept; "" for none (paper)',
      ),
    imageSize: z.int().min(8).default(32).describe("Image side in pixels (authors: 224)"),
    contextLength: z
      .int()
      .min(3)
      .default(24)
      .describe("Tokens in a caption, start and end included (authors: 77)"),
    vocabularySize: z
      .int()
      .min(514)
      .default(1024)
      .describe(
        "Tokens learnt when merges is not given (authors: CLIP's 49408); 512 byte symbols and 2 marks " +
          "at least",
      ),
    merges: z
      .string()
      .default("")
      .describe(
        'File of CLIP\'s byte-pair merges (authors); "" to learn them from the training captions (ours)',
      ),
    compactVocabulary: z
      .boolean()
      .default(false)
      .describe(
        "With merges: only the tokens that the training captions use, whatever the model's vocab_size " +
          "(ours)",
      ),
    image: IMAGE_TOWER.prefault({}),
    text: TEXT_TOWER.prefault({}),
    embedding: count().default(128).describe("Width both towers project to (authors: 1024)"),
    optimiser: z
      .enum(["adamw", "sgd"])
      .default("adamw")
      .describe("AdamW (authors), or gradient descent with momentum"),
    lr: z.number().positive().default(1e-3).describe("Peak learning rate (authors: 5e-5)"),
    beta1: z
      .number()
      .min(0)
      .lt(1)
      .default(0.9)
      .describe("AdamW: decay of the first moment (authors)"),
    beta2: z
      .number()
      .min(0)
      .lt(1)
      .default(0.999)
      .describe("AdamW: decay of the second moment (authors)"),
    eps: z.number().positive().default(1e-8).describe("AdamW: added to the root (authors)"),
    momentum: z
      .number()
      .min(0)
      .lt(1)
      .default(0.9)
      .describe("SGD, ours: share of the momentum that a step keeps"),
    weightDecay: strength()
      .default(0.1)
      .describe(
        "Decay of weights, decoupled (AdamW) or part of the gradient (SGD); none on norms, " +
          "biases, logit scale (authors)",
      ),
    clipNorm: strength()
      .default(0)
      .describe("Scale gradients down to this norm over all of them; 0: never (authors)"),
    lrSchedule: z
      .enum(["cosine", "linear", "constant"])
      .default("cosine")
      .describe("How the learning rate goes on after warm-up: to 0 (authors: cosine), or not"),
    ema: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe(
        "Evaluate a moving average of the weights, of this decay per step; 0: none (authors)",
      ),
    warmupSteps: z
      .int()
      .min(0)
      .default(50)
      .describe("Steps of linear warm-up before lrSchedule (authors: 10000)"),
    scheduleOffset: z
      .boolean()
      .default(false)
      .describe("Start the schedule one epoch late, as the authors' code does"),
    roclip: ROCLIP.prefault({}),
    safeclip: SAFECLIP.prefault({}),
    cleanclip: CLEANCLIP.prefault({}),
    augment: AUGMENT.prefault({}),
    eda: EDA.prefault({}),
    attackSeed: z
      .int()
      .min(0)
      .default(0)
      .describe(
        "Seed of the attacks (target images, classes, captions, rows), for others under the same " +
          "seed (ours); 0: seed's",
      ),
    poison: POISON.prefault({}),
    backdoor: BACKDOOR.prefault({}),
    backdoors: z.array(BACKDOOR).default([]).describe("Further backdoors, on other rows"),
  })
  .superRefine((config, context) => {
    for (const message of contradictions(config)) context.addIssue({ code: "custom", message });
  });

/** A resolved configuration: every key has a value. Keys are documented in the schema. */
export type Config = z.infer<typeof CONFIG_SCHEMA>;

/** Rules between keys that `config` breaks, one message each. */
function contradictions(config: Config): string[] {
  const broken = indivisible(config);
  if (config.memory !== "" && memoryBytes(config.memory) === undefined)
    broken.push(`memory must be an amount as 8GB or 800MB, or ""; found "${config.memory}"`);
  for (const key of ["cropScale", "cropRatio", "blurSigma"] as const) {
    const [low, high] = config.augment[key];
    if (low > high) {
      broken.push(`augment.${key} must not fall; found [${low}, ${high}]; swap the two`);
    }
  }
  broken.push(...brokenAmounts(config));
  if (config.compactVocabulary && config.merges === "")
    broken.push(
      'compactVocabulary must be of given merges; found merges ""; give their file, or leave it out',
    );
  if (config.defence === "cleanclip" && config.pretrained === "") {
    broken.push(
      'pretrained must name the model that CleanCLIP fine-tunes; found ""; give a run\'s folder',
    );
  }
  if (config.roclip.judgeCrosswise && matchesAtOnce(config.roclip))
    broken.push(
      "roclip.judgeCrosswise must have a plain epoch before the first that matches; found that " +
        "epoch 1 matches; raise roclip.firstEpoch",
    );
  if (config.roclip.poolStart === "noise") {
    const needs = captionSwitches(config.roclip);
    broken.push(
      ...needs.map(
        (key) =>
          `roclip.${key} must have a pool of captions; found roclip.poolStart "noise"; ` +
          'choose "captions"',
      ),
    );
  }
  return broken;
}

/** Numbers that must divide others and do not, one message each. */
function indivisible({ batch, microBatch, text: { width, heads } }: Config): string[] {
  const broken: string[] = [];
  if (microBatch > 0 && batch % microBatch !== 0)
    broken.push(
      `microBatch must divide batch; found ${microBatch} and ${batch}; change either, or give 0`,
    );
  if (width % heads !== 0)
    broken.push(
      `text.width must be a multiple of text.heads; found ${width} and ${heads}; change either`,
    );
  return broken;
}

/** Numbers of rows that are neither whole nor a share. */
function brokenAmounts(config: Config): string[] {
  const rows = {
    "roclip.poolSize": config.roclip.poolSize,
    "safeclip.poolSize": config.safeclip.poolSize,
    "cleanclip.pairs": config.cleanclip.pairs,
    "poison.captionsPerTarget": config.poison.captionsPerTarget,
    "backdoor.count": config.backdoor.count,
    ...Object.fromEntries(config.backdoors.map(({ count }, i) => [`backdoors[${i}].count`, count])),
  };
  return Object.entries(rows)
    .filter(([, value]) => value > 1 && !Number.isInteger(value))
    .map(
      ([key, value]) =>
        `${key} must be a whole number of rows, or a share below 1; found ${value}; round it`,
    );
}
