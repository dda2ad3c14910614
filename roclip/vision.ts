/** The image tower of a configuration: the small one, CLIP's ResNet or its vision transformer. */
import type { HostArray, Key, Tensor } from "../engine/index.ts";
import { recomputedOf } from "./amount.ts";
import { activationOf } from "./architecture.ts";
import type { Config } from "./schema.ts";
import {
  batchStatistics,
  type Normalise,
  recomputeNormed,
  runningStatistics,
  type VisionStatistics,
} from "./vision/batchNorm.ts";
import { applyResidual, initResidual, type ResidualParams } from "./vision/residual.ts";
import { applyResNet, initResNet, type ResNetParams } from "./vision/resnet.ts";
import {
  applyVisionTransformer,
  initVisionTransformer,
  type VisionTransformerParams,
} from "./vision/visionTransformer.ts";

export type { VisionStatistics } from "./vision/batchNorm.ts";

/** Parameters of an image tower. */
export type VisionParams<Leaf> =
  | ResidualParams<Leaf>
  | ResNetParams<Leaf>
  | VisionTransformerParams<Leaf>;

/** What a configuration says of the image tower. */
type VisionConfig = Pick<Config, "model" | "image">;

/** What it says of applying it. */
type TowerConfig = VisionConfig & Pick<Config, "recompute" | "precision">;

/** Initial parameters and running statistics of the image tower. */
export function initVision(
  config: VisionConfig & Pick<Config, "embedding">,
  key: Key,
): { params: VisionParams<HostArray>; statistics: VisionStatistics<HostArray> } {
  const { model } = config;
  if (model === "small") return initResidual(config, key);
  const { layers } = model.vision_cfg;
  return typeof layers === "number"
    ? { params: initVisionTransformer(model, layers, key), statistics: [] }
    : initResNet(model, layers, key);
}

/** Features by the tower that the parameters are of; `normalise` decides by which statistics. */
function tower(
  params: VisionParams<Tensor>,
  images: Tensor,
  config: TowerConfig,
  normalise: Normalise,
): Tensor {
  const { model, recompute } = config;
  if ("blocks" in params) return applyResidual(params, images, config, normalise);
  if (model === "small")
    throw new Error(
      "vision: parameters must be the model's; they are not; make them by initVision",
    );
  const { width, head_width: headWidth } = model.vision_cfg;
  if ("attentionPool" in params)
    return applyResNet(params, images, { headWidth, recompute }, normalise);
  const choice = { heads: width / headWidth, activation: activationOf(model) };
  return applyVisionTransformer(params, images, choice, recomputedOf(config, params.layers.length));
}

/**
 * Image features in training: batch statistics, running statistics updated in place.
 *
 * @param images  f32[B, h, w, 3], normalised
 * @returns       features f32[B, E], not of unit length; the statistics' new versions
 */
export function imageFeatures(
  params: VisionParams<Tensor>,
  statistics: VisionStatistics<Tensor>,
  images: Tensor,
  config: TowerConfig,
): { features: Tensor; statistics: VisionStatistics<Tensor> } {
  const { normalise, updated } = batchStatistics(statistics, config.precision);
  const features = tower(params, images, config, normalise);
  return { features, statistics: updated };
}

/**
 * Image features in training, of which nothing else is kept: for their gradient the images are made
 * and go through the tower again. Batch norms then go by the same statistics.
 *
 * @param images  makes f32[B, h, w, 3], normalised; no gradient returns to them
 * @returns       as imageFeatures
 */
export function imageFeaturesAgain(
  params: VisionParams<Tensor>,
  statistics: VisionStatistics<Tensor>,
  images: () => Tensor,
  config: TowerConfig,
): { features: Tensor; statistics: VisionStatistics<Tensor> } {
  const { normalise, updated } = batchStatistics(statistics, config.precision);
  const features = recomputeNormed(
    (given: typeof params, by) => tower(given, images(), config, by),
    params,
    normalise,
  );
  return { features, statistics: updated };
}

/**
 * Image features in evaluation: running statistics.
 *
 * @param images  f32[B, h, w, 3], normalised
 * @returns       f32[B, E], not of unit length
 */
export function imageFeaturesEval(
  params: VisionParams<Tensor>,
  statistics: VisionStatistics<Tensor>,
  images: Tensor,
  config: TowerConfig,
): Tensor {
  return tower(params, images, config, runningStatistics(statistics));
}
