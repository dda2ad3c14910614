/**
 * What a CLIP model is made of, in the fields of open_clip's model files, and the models that have
 * names. Any object in this form is a model.
 *
 * @see github.com/mlfoundations/open_clip at 89fb801f, src/open_clip/model_configs (fields and
 *      their defaults: CLIPVisionCfg and CLIPTextCfg in src/open_clip/model.py)
 */
import { z } from "zod";
import { MAX_TOKENS } from "../engine/index.ts";
import { SHOWN, shown, UserError } from "./errors.ts";
import { nearestName } from "./spelling.ts";

const count = () => z.int().min(1);

const VISION = z.strictObject({
  layers: z
    .union([count(), z.array(count()).length(4)])
    .default(12)
    .describe("A number: layers of a vision transformer. Four: blocks of a ResNet's stages"),
  width: count()
    .default(768)
    .describe("Width of the transformer, or channels of the ResNet's stem and of its first blocks"),
  head_width: count().default(64).describe("Width of an attention head"),
  patch_size: count().nullable().default(16).describe("Side of a transformer's patches in pixels"),
  image_size: count().default(224).describe("Side of the images in pixels"),
});

const TEXT = z.strictObject({
  context_length: z.int().min(3).default(77).describe("Tokens, start and end included"),
  vocab_size: z.int().min(514).default(49408).describe("Tokens that there are"),
  width: count().default(512).describe("Width of the transformer"),
  heads: count().default(8).describe("Attention heads"),
  layers: count().default(12).describe("Layers of the transformer"),
});

/** The form of a model. */
export const MODEL_SCHEMA = z
  .strictObject({
    embed_dim: count().describe("Width both towers project to"),
    quick_gelu: z
      .boolean()
      .default(false)
      .describe("x · σ(1.702 x), as OpenAI's, in place of GELU"),
    vision_cfg: VISION,
    text_cfg: TEXT.prefault({}),
  })
  .superRefine((model, context) => {
    for (const message of contradictions(model)) context.addIssue({ code: "custom", message });
  });

/** A CLIP model: every field has a value. */
export type ModelConfig = z.infer<typeof MODEL_SCHEMA>;

/** The image halves five times before a ResNet's attention pool: stem twice, then three stages. */
export const RESNET_STRIDE = 32;

/** Channels of a ResNet's last stage: eight times the first's, and bottlenecks expand by four. */
export const RESNET_FEATURES = 32;

/** Tokens of an image in the attention of its tower, the class token or the mean included. */
function imageTokens({ layers, patch_size, image_size }: ModelConfig["vision_cfg"]): number {
  const side = Array.isArray(layers) ? RESNET_STRIDE : patch_size!;
  return Math.floor(image_size / side) ** 2 + 1;
}

function resnetFaults({ width, head_width, image_size }: ModelConfig["vision_cfg"]): string[] {
  const broken: string[] = [];
  const name = "model.vision_cfg";
  if (width % 2 !== 0) broken.push(`${name}.width must be even; found ${width}; add 1`);
  if ((width * RESNET_FEATURES) % head_width !== 0)
    broken.push(
      `${name}.head_width must divide 32 width, ${width * RESNET_FEATURES}; found ${head_width}; ` +
        "change either",
    );
  if (image_size % RESNET_STRIDE !== 0)
    broken.push(
      `${name}.image_size must be a multiple of ${RESNET_STRIDE}; found ${image_size}; change it`,
    );
  return broken;
}

function transformerFaults({
  width,
  head_width,
  patch_size,
  image_size,
}: ModelConfig["vision_cfg"]): string[] {
  const broken: string[] = [];
  const name = "model.vision_cfg";
  if (width % head_width !== 0)
    broken.push(
      `${name}.width must be a multiple of head_width; found ${width} and ${head_width}; ` +
        "change either",
    );
  if (patch_size === null || image_size % patch_size !== 0)
    broken.push(
      `${name}.image_size must be a multiple of patch_size; found ${image_size} and ` +
        `${patch_size}; change either`,
    );
  return broken;
}

/** Rules between fields that `model` breaks, one message each. */
function contradictions({ vision_cfg, text_cfg }: ModelConfig): string[] {
  const resnet = Array.isArray(vision_cfg.layers);
  const broken = resnet ? resnetFaults(vision_cfg) : transformerFaults(vision_cfg);
  const { width, heads, context_length } = text_cfg;
  if (width % heads !== 0)
    broken.push(
      `model.text_cfg.width must be a multiple of heads; found ${width} and ${heads}; change either`,
    );
  const tokens =
    broken.length > 0 ? context_length : Math.max(imageTokens(vision_cfg), context_length);
  if (tokens > MAX_TOKENS)
    broken.push(
      `model: attention must be over at most ${MAX_TOKENS} tokens; found ${tokens}; choose larger ` +
        "patches, smaller images or a shorter context",
    );
  return broken;
}

/** A model of OpenAI's: QuickGELU, heads 64 wide, context 77, CLIP's 49408 tokens. */
function openai(embed_dim: number, vision: object, text: object = {}): ModelConfig {
  return MODEL_SCHEMA.parse({ embed_dim, quick_gelu: true, vision_cfg: vision, text_cfg: text });
}

/** A model for small images and few captions. */
function tiny(vision: object): ModelConfig {
  const text = { context_length: 32, vocab_size: 4096, width: 128, heads: 2, layers: 3 };
  return openai(128, vision, text);
}

/**
 * The models that have names. Those without "tiny" are OpenAI's, which open_clip calls
 * "RN50-quickgelu" and so on: by these names without the ending it means GELU.
 *
 * @see Radford et al. 2021, arXiv:2103.00020, tables 19 and 20
 */
export const PRESETS: Readonly<Record<string, ModelConfig>> = {
  RN50: openai(1024, { layers: [3, 4, 6, 3], width: 64, patch_size: null }),
  RN101: openai(512, { layers: [3, 4, 23, 3], width: 64, patch_size: null }),
  RN50x4: openai(
    640,
    { layers: [4, 6, 10, 6], width: 80, patch_size: null, image_size: 288 },
    { width: 640, heads: 10 },
  ),
  "ViT-B-32": openai(512, { patch_size: 32 }),
  "ViT-B-16": openai(512, { patch_size: 16 }),
  "ViT-L-14": openai(768, { layers: 24, width: 1024, patch_size: 14 }, { width: 768, heads: 12 }),
  "RN-tiny-32px": tiny({ layers: [1, 1, 1, 1], width: 16, patch_size: null, image_size: 32 }),
  "RN-tiny-64px": tiny({ layers: [1, 1, 1, 1], width: 16, patch_size: null, image_size: 64 }),
  "ViT-tiny-32px": tiny({ layers: 4, width: 192, patch_size: 4, image_size: 32 }),
  "ViT-tiny-64px": tiny({ layers: 4, width: 192, patch_size: 8, image_size: 64 }),
};

/**
 * The model of a name.
 *
 * @param where  what to call the configuration in an error
 * @throws       UserError with the nearest name when there is none
 */
export function namedModel(name: string, where: string): ModelConfig {
  const found = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  if (found) return found;
  const names = ["small", ...Object.keys(PRESETS)];
  throw new UserError(
    `${where}: model must be one of ${names.join(", ")}, or an object in open_clip's form; ` +
      `found ${shown(name)}; did you mean "${nearestName(name.slice(0, SHOWN), names)}"?`,
  );
}

/** What follows the first linear map of a transformer layer; the small model has OpenAI's. */
export function activationOf(model: "small" | ModelConfig): "gelu" | "quickGelu" {
  return model === "small" || model.quick_gelu ? "quickGelu" : "gelu";
}
