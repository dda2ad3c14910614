/** Models by name and by object: what they decide, what is refused, and what they begin with. */
import { describe, expect, it } from "vitest";
import { type HostArray, input, leaves, mapTree, product } from "../../engine/index.ts";
import { PRESETS } from "../../roclip/architecture.ts";
import { parseConfig } from "../../roclip/config.ts";
import { UserError } from "../../roclip/errors.ts";
import { applyFlags } from "../../roclip/flags.ts";
import { initState } from "../../roclip/model.ts";
import { countParameters } from "../../roclip/planning.ts";
import { imageFeatures, type VisionParams } from "../../roclip/vision.ts";

const MODEL = {
  embed_dim: 32,
  vision_cfg: { layers: 2, width: 64, head_width: 16, patch_size: 8, image_size: 32 },
  text_cfg: { context_length: 9, vocab_size: 600, width: 48, heads: 3, layers: 2 },
};

describe("the key model", () => {
  it("decides sizes and the text tower, by name, object or flag", () => {
    const config = parseConfig({ model: "RN50x4", epochs: 3 });
    expect(config).toMatchObject({
      model: PRESETS.RN50x4,
      epochs: 3,
      imageSize: 288,
      contextLength: 77,
      vocabularySize: 49408,
      embedding: 640,
      text: { width: 640, heads: 10, layers: 12 },
    });
    expect(parseConfig(applyFlags({}, { model: "RN50x4", epochs: "3" }))).toEqual(config);
    expect(parseConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
    expect(parseConfig({ model: PRESETS.RN50x4, epochs: 3 })).toEqual(config);
    const own = parseConfig({ model: MODEL, imageSize: 32 });
    expect(own.model).toMatchObject({ quick_gelu: false, vision_cfg: MODEL.vision_cfg });
    expect(parseConfig({ model: "small" })).toEqual(parseConfig({}));
  });

  it("has the parameters of the paper's models", () => {
    // As torch counts OpenAI's checkpoints and the models of test/golden/clip.py; in millions they
    // are in open_clip's docs/model_profile.csv.
    const counts = {
      RN50: 102_007_137,
      RN101: 119_688_033,
      RN50x4: 178_300_601,
      "ViT-B-32": 151_277_313,
      "ViT-B-16": 149_620_737,
      "ViT-L-14": 427_616_513,
    };
    const named = Object.keys(PRESETS).filter((name) => !name.includes("tiny"));
    expect(Object.keys(counts)).toEqual(named);
    for (const [name, count] of Object.entries(counts)) {
      const { embed_dim, vision_cfg, text_cfg } = PRESETS[name]!;
      expect(countOf(embed_dim, vision_cfg, text_cfg), name).toBe(count);
      expect(countParameters(parseConfig({ model: name })).all, name).toBe(count);
    }
  });

  const { vision_cfg, text_cfg } = MODEL;
  it.each([
    [{ model: "RN5" }, /model must be one of small, RN50, .*; found "RN5"; did you mean "RN50"\?/],
    [{ model: "vit-b-32" }, /did you mean "ViT-B-32"\?/],
    [{ model: "toString" }, /found "toString"/],
    [{ model: 3 }, /model must be "small", or an object; found 3; the default is "small"/],
    [{ model: "RN50", imageSize: 32 }, /imageSize must be the model's, 224; found 32; leave it/],
    [{ model: "RN50", text: { heads: 4 } }, /text\.heads must be the model's, 8; found 4/],
    [{ model: "RN50", image: { width: 9 } }, /image\.width must be the model's, 16; found 9/],
    [{ model: {} }, /model\.embed_dim must be an integer ≥ 1; found nothing; give one/],
    [{ model: { ...MODEL, embed: 3 } }, /found "model\.embed"; did you mean "model\.embed_dim"/],
    [
      { model: { ...MODEL, vision_cfg: { ...vision_cfg, layers: [1, 2] } } },
      /model\.vision_cfg\.layers must be an integer ≥ 1, or a list of integers ≥ 1; found \[1,2\]/,
    ],
    [
      { model: { ...MODEL, vision_cfg: { ...vision_cfg, patch_size: 7 } } },
      /image_size must be a multiple of patch_size; found 32 and 7/,
    ],
    [
      { model: { ...MODEL, vision_cfg: { ...vision_cfg, head_width: 48 } } },
      /width must be a multiple of head_width; found 64 and 48/,
    ],
    [
      { model: { ...MODEL, vision_cfg: { layers: [1, 1, 1, 1], width: 7, image_size: 40 } } },
      /width must be even; found 7.*head_width must divide 32 width.*multiple of 32; found 40/s,
    ],
    [
      { model: { ...MODEL, text_cfg: { ...text_cfg, heads: 5 } } },
      /text_cfg\.width must be a multiple of heads; found 48 and 5/,
    ],
    [
      { model: { ...MODEL, vision_cfg: { ...vision_cfg, patch_size: 1 } } },
      /attention must be over at most 512 tokens; found 1025/,
    ],
  ])("is refused as %j", (json, message) => {
    expect(() => parseConfig(json, "run.json")).toThrow(UserError);
    expect(() => parseConfig(json, "run.json")).toThrow(message);
    expect(() => parseConfig(json, "run.json")).toThrow(/^run\.json: /);
  });
});

/** Parameters of a model counted by hand, from the papers' description. */
function countOf(
  E: number,
  { layers, width: W, patch_size, image_size }: (typeof PRESETS)["RN50"]["vision_cfg"],
  text: (typeof PRESETS)["RN50"]["text_cfg"],
): number {
  const layer = (D: number) => 12 * D * D + 13 * D; // four squares, a perceptron of four, norms
  const D = text.width;
  const texts =
    text.vocab_size * D + text.context_length * D + text.layers * layer(D) + 2 * D + D * E;
  if (typeof layers === "number") {
    const p = patch_size!;
    const tokens = (image_size / p) ** 2 + 1;
    return texts + 1 + 3 * p * p * W + W + tokens * W + 4 * W + layers * layer(W) + W * E;
  }
  let vision = (9 * 3 * W) / 2 + W + (9 * W * W) / 4 + W + (9 * W * W) / 2 + 2 * W;
  let from = W;
  for (const [stage, blocks] of layers.entries()) {
    const C = W << stage;
    for (let i = 0; i < blocks; i++) {
      vision += from * C + 9 * C * C + 4 * C * C + 2 * (C + C + 4 * C);
      if (i === 0) vision += from * 4 * C + 8 * C;
      from = 4 * C;
    }
  }
  const tokens = (image_size / 32) ** 2 + 1;
  return texts + 1 + vision + tokens * from + 3 * (from * from + from) + from * E + E;
}

describe("a model's towers", () => {
  it("give one vector per image, and have the parameters of the papers", () => {
    const rn = { layers: [1, 2, 1, 1], width: 4, head_width: 32, image_size: 96, patch_size: null };
    for (const model of ["RN-tiny-64px", "ViT-tiny-32px", { ...MODEL, vision_cfg: rn }, MODEL]) {
      const config = parseConfig({ model });
      const { params, statistics } = initState(config, 1, 1);
      const tensors = <Tree>(tree: Tree) =>
        mapTree(tree, ({ shape }: HostArray, path) => input(path, shape));
      const image: VisionParams<ReturnType<typeof input>> = tensors(params.image);
      const images = input("images", [3, config.imageSize, config.imageSize, 3]);
      const { features, statistics: after } = imageFeatures(
        image,
        tensors(statistics),
        images,
        config,
      );
      const { embed_dim, vision_cfg, text_cfg } = config.model as (typeof PRESETS)["RN50"];
      const numbers = leaves<HostArray>(params).map(([, { shape }]) => product(shape));
      const counted = numbers.reduce((sum, n) => sum + n, 0);
      expect(counted).toBe(countOf(embed_dim, vision_cfg, text_cfg));
      expect(features.shape).toEqual([3, config.embedding]);
      expect(after.length).toBe(statistics.length);
    }
  });

  it("begin as OpenAI's do", () => {
    const values = (name: string) => {
      const { params } = initState(parseConfig({ model: name }), 1, 1);
      const found = new Map(leaves<HostArray>(params));
      const of = (path: string) => {
        const { shape, data: numbers } = found.get(path)!;
        const data = Float64Array.from(numbers);
        const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
        const std = Math.sqrt(data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length);
        const most = data.reduce((high, x) => Math.max(high, Math.abs(x)), 0);
        return { shape, count: product(shape), mean, std, most };
      };
      return of;
    };
    const rn = values("RN-tiny-32px");
    const vit = values("ViT-tiny-32px");
    const normal: [ReturnType<typeof rn>, number][] = [
      [rn("image.attentionPool.query.weight"), 512 ** -0.5],
      [rn("image.attentionPool.out.weight"), 512 ** -0.5],
      [rn("text.tokens"), 0.02],
      [rn("text.positions"), 0.01],
      [rn("text.layers.1.qkv.weight"), 128 ** -0.5],
      [rn("text.layers.1.out.weight"), 128 ** -0.5 * 6 ** -0.5],
      [rn("text.layers.1.up.weight"), 256 ** -0.5],
      [rn("text.layers.1.down.weight"), 128 ** -0.5 * 6 ** -0.5],
      [rn("text.projection"), 128 ** -0.5],
      [vit("image.positions"), 192 ** -0.5],
      [vit("image.projection"), 192 ** -0.5],
    ];
    for (const [{ std, mean, most, count }, expected] of normal) {
      expect(Math.abs(std / expected - 1)).toBeLessThan(4 / Math.sqrt(2 * count));
      expect(Math.abs(mean / expected)).toBeLessThan(4 / Math.sqrt(count));
      expect(most).toBeGreaterThan(2 * expected);
    }
    const uniform: [ReturnType<typeof rn>, number][] = [
      [rn("image.stem.1.conv"), (9 * 8) ** -0.5],
      [rn("image.stages.2.0.conv2"), (9 * 64) ** -0.5],
      [rn("image.attentionPool.key.bias"), 512 ** -0.5],
      [rn("text.layers.0.up.bias"), 128 ** -0.5],
      [vit("image.patches"), 48 ** -0.5],
      [vit("image.layers.3.qkv.weight"), Math.sqrt(6 / (4 * 192))],
      [vit("image.layers.3.out.weight"), 192 ** -0.5],
      [vit("image.layers.3.down.weight"), 768 ** -0.5],
      [vit("image.layers.3.down.bias"), 768 ** -0.5],
    ];
    for (const [{ std, most, count }, bound] of uniform) {
      expect(most).toBeLessThanOrEqual(Math.fround(bound));
      expect(most).toBeGreaterThan(0.9 * bound);
      expect(Math.abs((std * Math.sqrt(3)) / bound - 1)).toBeLessThan(4 / Math.sqrt(count));
    }
    for (const path of ["image.stages.0.0.norm3.gain", "text.layers.0.qkv.bias"])
      expect(rn(path).most, path).toBe(0); // blocks begin as the identity; torch's attention biases
    expect(rn("image.stages.0.0.norm2.gain")).toMatchObject({ mean: 1, std: 0 });
  });
});
