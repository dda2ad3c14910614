/**
 * A whole training step of the demonstration: both towers, loss, backward and AdamW.
 *
 * Every engine begins with the same parameters and gets the same augmented images; three steps'
 * losses must agree with ours, which the project's tests check against PyTorch's. Ours also keeps
 * the batch norms' running statistics, which the peers are spared.
 */
import { grad } from "../../../engine/grad.ts";
import type { HostArray, Tensor } from "../../../engine/graph.ts";
import { clampUpdate } from "../../../engine/ops/clampUpdate.ts";
import { contrastiveLoss } from "../../../engine/ops/contrastiveLoss.ts";
import { unitRows } from "../../../engine/ops/unitRows.ts";
import { adamWSchedule, adamWUpdate } from "../../../engine/optim.ts";
import { leaves, rebuild } from "../../../engine/tree.ts";
import { parseConfig } from "../../../roclip/config.ts";
import { DEMO } from "../../../roclip/configs/demo.ts";
import { initState, MAX_LOGIT_SCALE, type Params } from "../../../roclip/model.ts";
import { textFeatures } from "../../../roclip/text.ts";
import type { ResidualParams } from "../../../roclip/vision/residual.ts";
import { imageFeatures, type VisionStatistics } from "../../../roclip/vision.ts";
import { quickNormals, quickStream } from "../../quickStream.ts";
import type { Jax, JaxArray } from "../engines/jaxTypes.ts";
import type { Tf, TfTensor } from "../engines/tfjsTypes.ts";
import type { Job, Named } from "../job.ts";
import { jaxAdamW, tfAdamW } from "./adamW.ts";
import { causalMask } from "./attention.ts";
import { jaxLoss } from "./stepJax.ts";
import { type Batch, tfLoss } from "./stepTfjs.ts";

const CONFIG = parseConfig(DEMO);
const { heads } = CONFIG.text;
const SCHEDULE = adamWSchedule(1, CONFIG.lr, CONFIG);
const START = initState(CONFIG, CONFIG.vocabularySize, 1);
const PATHS = leaves<HostArray>(START.params).map(([path]) => path);

/** A tree's leaves as operands, by kind and path: parameters, two moments, statistics. */
type Kind = "parameter" | "first" | "second" | "statistics";

const named = <T>(kind: Kind, tree: unknown): Record<string, T> =>
  Object.fromEntries(leaves<T>(tree).map(([path, leaf]) => [`${kind}.${path}`, leaf]));

/** The tree of one kind out of the operands. */
function treeOf<Tree>(kind: Kind, form: unknown, operands: Named<unknown>): Tree {
  const paths = leaves(form).map(([path]) => path);
  return rebuild(form, new Map(paths.map((path) => [path, operands[`${kind}.${path}`]]))) as Tree;
}

/** The demonstration's parameters: those of a model with the small image tower. */
type DemoParams<T> = Params<T, ResidualParams<T>>;

const paramsOf = <T>(operands: Named<T>) =>
  treeOf<DemoParams<T>>("parameter", START.params, operands);

/** As AdamW of the demonstration: matrices and filters decay. */
const settingsOf = (rank: number) => ({
  ...CONFIG,
  weightDecay: rank >= 2 ? CONFIG.weightDecay : 0,
});

function operands(): Named<HostArray> {
  const { batch, contextLength, imageSize, vocabularySize } = CONFIG;
  const { below } = quickStream(1);
  const pixels = [batch, imageSize, imageSize, 3];
  const tokens = Uint32Array.from({ length: batch * contextLength }, () => below(vocabularySize));
  const ends = Uint32Array.from({ length: batch }, (_, i) => (i + 1) * contextLength - 1);
  return {
    ...named<HostArray>("parameter", START.params),
    ...named<HostArray>("first", START.moments.first),
    ...named<HostArray>("second", START.moments.second),
    ...named<HostArray>("statistics", START.statistics),
    images: { shape: pixels, data: quickNormals(batch * imageSize ** 2 * 3, quickStream(2)) },
    tokens: { shape: [batch, contextLength], data: tokens },
    ends: { shape: [batch], data: ends },
    mask: causalMask(contextLength),
    schedule: { shape: [3], data: SCHEDULE },
  };
}

/** Our step: roclip/step.ts from the augmented images on, without a pool. */
function own(operands: Named<Tensor>) {
  const params = paramsOf(operands);
  const moments = {
    first: treeOf<DemoParams<Tensor>>("first", START.params, operands),
    second: treeOf<DemoParams<Tensor>>("second", START.params, operands),
  };
  const before = treeOf<VisionStatistics<Tensor>>("statistics", START.statistics, operands);
  const { images, tokens, ends, schedule } = operands;
  const { features, statistics } = imageFeatures(params.image, before, images!, CONFIG);
  const texts = unitRows(textFeatures(params.text, CONFIG, tokens!, ends!));
  const loss = contrastiveLoss(unitRows(features), texts, params.logitScale);
  const next = adamWUpdate(grad(loss, params), moments, params, schedule!, {
    ...CONFIG,
    decays: (_, parameter) => parameter.shape.length >= 2,
  });
  const logitScale = clampUpdate(next.params.logitScale, 0, MAX_LOGIT_SCALE);
  return {
    outputs: { loss },
    updates: { params: { ...next.params, logitScale }, moments: next.moments, statistics },
  };
}

const batchOf = <T>({ images, tokens, ends, mask }: Named<T>) =>
  ({ images, tokens, ends, mask }) as Batch<T>;

/** A parameter and its moments among the operands. */
const adamOf = <T>(operands: Named<T>, path: string) => ({
  parameter: operands[`parameter.${path}`]!,
  first: operands[`first.${path}`]!,
  second: operands[`second.${path}`]!,
});

/** What became of them, under the same names; the logit scale within its bounds. */
function adamNamed<T>(path: string, next: ReturnType<typeof adamOf<T>>, clip: (x: T) => T) {
  const parameter = path === "logitScale" ? clip(next.parameter) : next.parameter;
  const { first, second } = next;
  return { [`parameter.${path}`]: parameter, [`first.${path}`]: first, [`second.${path}`]: second };
}

function tfjs(tf: Tf, operands: Named<TfTensor>): Named<TfTensor> {
  const f = (...list: TfTensor[]) => {
    const current = Object.fromEntries(PATHS.map((path, i) => [`parameter.${path}`, list[i]!]));
    return tfLoss(tf, paramsOf(current), heads, batchOf(operands));
  };
  const { value, grads } = tf.valueAndGrads(f)(PATHS.map((path) => operands[`parameter.${path}`]!));
  const clip = (x: TfTensor) => tf.clipByValue(x, 0, MAX_LOGIT_SCALE);
  const updated = PATHS.map((path, i) => {
    const old = adamOf(operands, path);
    const settings = settingsOf(old.parameter.shape.length);
    return adamNamed(path, tfAdamW(tf, old, grads[i]!, SCHEDULE, settings), clip);
  });
  return Object.assign({ loss: value }, ...updated);
}

function jax(jax: Jax, operands: Named<JaxArray>): Named<JaxArray> {
  const { numpy: np } = jax;
  const f = (current: Named<JaxArray>) => jaxLoss(jax, paramsOf(current), heads, batchOf(operands));
  const current = PATHS.map((path) => [`parameter.${path}`, operands[`parameter.${path}`]!.ref]);
  const [loss, gradients] = jax.valueAndGrad(f)(Object.fromEntries(current));
  const schedule = np.split(operands.schedule!, 3, 0).map((x) => np.reshape(x, []));
  const clip = (x: JaxArray) => np.clip(x, 0, MAX_LOGIT_SCALE);
  const updated = PATHS.map((path) => {
    const old = adamOf(operands, path);
    const settings = settingsOf(old.parameter.shape.length);
    const gradient = gradients[`parameter.${path}`]!;
    return adamNamed(path, jaxAdamW(jax, old, gradient, schedule, settings), clip);
  });
  return Object.assign({ loss }, ...updated);
}

export const stepJob: Job = {
  op: "training step",
  shape: `CLIP of the demonstration, batch ${CONFIG.batch}`,
  operands,
  own,
  sharing: (name) => /^(parameter|first|second)\./.exec(name)?.[1], // as roclip/model.ts
  tfjs,
  jax,
  ort: { cannot: "it has no gradients" },
  compared: 3,
  tolerance: 1e-3,
};
