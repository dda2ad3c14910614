/**
 * The names and layouts that open_clip, and OpenAI's code before it, have for a model's tensors.
 *
 * Ours are NHWC filters [r, s, c, o] and matrices [in, out]; theirs [o, c, r, s] and [out, in].
 * Tables and the two projections are the same in both.
 *
 * @see github.com/mlfoundations/open_clip at 89fb801f, src/open_clip/{model,modified_resnet,
 *      transformer}.py; openai/CLIP at d05afc43, clip/model.py
 */
import { type HostArray, leaves } from "../engine/index.ts";
import type { Weights } from "./model.ts";

/** How theirs is made of ours: not at all, or with the dimensions in another order. */
export type Layout = "same" | "matrix" | "filter";

/** A tensor of theirs. */
export interface ForeignTensor {
  readonly name: string;
  readonly layout: Layout;
  /** Half precision in OpenAI's files: weights and biases of maps, and projections. */
  readonly half: boolean;
}

type Rule = readonly [ours: RegExp, theirs: string | ((...parts: string[]) => string)];

const next = (number: string | undefined) => Number(number) + 1;

/** Replacements from the root of a path inwards; each is made where it fits. */
const RULES: readonly Rule[] = [
  [/^logitScale$/, "logit_scale"],
  // Text.
  [/^text\.tokens$/, "token_embedding.weight"],
  [/^text\.positions$/, "positional_embedding"],
  [/^text\.norm\./, "ln_final."],
  [/^text\.projection$/, "text_projection"],
  [/^text\.layers\./, "transformer.resblocks."],
  // Vision transformer.
  [/^image\.patches$/, "visual.conv1.weight"],
  [/^image\.classToken$/, "visual.class_embedding"],
  [/^image\.positions$/, "visual.positional_embedding"],
  [/^image\.normBefore\./, "visual.ln_pre."],
  [/^image\.normAfter\./, "visual.ln_post."],
  [/^image\.projection$/, "visual.proj"],
  [/^image\.layers\./, "visual.transformer.resblocks."],
  // ResNet.
  [/^image\.stem\.(\d+)\.conv$/, (_, i) => `visual.conv${next(i)}.weight`],
  [/^image\.stem\.(\d+)\.norm\./, (_, i) => `visual.bn${next(i)}.`],
  [/^image\.stages\.(\d+)\.(\d+)\./, (_, stage, block) => `visual.layer${next(stage)}.${block}.`],
  [/^(visual\.layer.*)\.shortcut\.conv$/, "$1.downsample.0.weight"],
  [/^(visual\.layer.*)\.shortcut\.norm\./, "$1.downsample.1."],
  [/^(visual\.layer.*)\.(conv\d)$/, "$1.$2.weight"],
  [/^(visual\.layer.*)\.norm(\d)\./, "$1.bn$2."],
  [/^image\.attentionPool\.positions$/, "visual.attnpool.positional_embedding"],
  [/^image\.attentionPool\.(.)[a-z]*\./, (_, letter) => `visual.attnpool.${letter}_proj.`],
  [/^(visual\.attnpool)\.o_proj\./, "$1.c_proj."],
  // Layers of either transformer.
  [/(resblocks\.\d+)\.norm(\d)\./, "$1.ln_$2."],
  [/(resblocks\.\d+)\.qkv\./, "$1.attn.in_proj_"],
  [/(resblocks\.\d+)\.out\./, "$1.attn.out_proj."],
  [/(resblocks\.\d+)\.up\./, "$1.mlp.c_fc."],
  [/(resblocks\.\d+)\.down\./, "$1.mlp.c_proj."],
  [/\.gain$/, ".weight"],
];

/** The name that open_clip has for the parameter at a path of ours. */
function nameOf(path: string): string {
  return RULES.reduce((name, [ours, theirs]) => name.replace(ours, theirs as string), path);
}

/** The tensor of theirs that holds the parameter at a path of ours. */
function foreignParameter(path: string, rank: number): ForeignTensor {
  const map = /\.weight$/.test(path) || (/\.bias$/.test(path) && !/norm\w*\.bias$/i.test(path));
  const matrix = map && rank === 2;
  return {
    name: nameOf(path),
    layout: rank === 4 ? "filter" : matrix ? "matrix" : "same",
    half: map || rank === 4 || path.endsWith("projection"),
  };
}

/**
 * The tensors that open_clip has for a model with one of its image towers.
 *
 * @param weights  the model's, of any leaves with a shape
 * @returns        by our paths under params and statistics
 */
export function foreignTensors(
  weights: Weights<Pick<HostArray, "shape">>,
): ReadonlyMap<string, ForeignTensor> {
  const found = new Map<string, ForeignTensor>();
  const params = leaves<HostArray>(weights.params);
  for (const [path, { shape }] of params)
    found.set(`params.${path}`, foreignParameter(path, shape.length));
  // A ResNet's norms are all batch norms, met in the order of the tree.
  const norms = params.map(([path]) => path).filter((path) => /^image\..*\.gain$/.test(path));
  for (const i of weights.statistics.keys()) {
    const norm = nameOf(norms[i]!).replace(/\.weight$/, "");
    const plain = { layout: "same", half: false } as const;
    found.set(`statistics.${i}.mean`, { name: `${norm}.running_mean`, ...plain });
    found.set(`statistics.${i}.variance`, { name: `${norm}.running_var`, ...plain });
  }
  return found;
}

/** What files of theirs hold that is no part of a model: counters and sizes. */
export const FOREIGN_EXTRAS =
  /(^|\.)(num_batches_tracked|attn_mask|input_resolution|context_length|vocab_size)$/;

/**
 * A name as in `foreignTensors`: open_clip's models with a text tower of their own have it under
 * "text.", and models trained on several devices have all under "module.".
 */
export function plainName(name: string): string {
  return name.replace(/^module\./, "").replace(/^text\./, "");
}

/**
 * The name that open_clip's CustomTextCLIP has for a tensor of `foreignTensors`: its text tower is a
 * module of its own, as `convert_to_custom_text_state_dict` in src/open_clip/model.py names it.
 */
export function customTextName(name: string): string {
  return name === "logit_scale" || name.startsWith("visual.") ? name : `text.${name}`;
}

/** The shape of a tensor in their layout. */
export function foreignShape(shape: readonly number[], layout: Layout): readonly number[] {
  if (layout === "same") return shape;
  const [r, s, c, o] = shape as [number, number, number, number];
  return layout === "matrix" ? [s, r] : [o, c, r, s];
}

/** A matrix's elements, column after column. */
function transposed<T extends Float32Array | Uint16Array>(x: T, rows: number, columns: number): T {
  const y = x.slice() as T;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      y[column * rows + row] = x[row * columns + column]!;
  return y;
}

/** Elements of a tensor of ours in their order. */
export function toForeign(x: Float32Array, shape: readonly number[], layout: Layout): Float32Array {
  if (layout === "same") return x;
  const [r, s, c, o] = shape as [number, number, number, number];
  if (layout === "matrix") return transposed(x, r, s);
  // [r s c, o] → [o, r s c] → for each filter [r s, c] → [c, r s]
  const filters = transposed(x, r * s * c, o);
  const size = r * s * c;
  for (let i = 0; i < o; i++)
    filters.set(transposed(filters.subarray(i * size, (i + 1) * size), r * s, c), i * size);
  return filters;
}

/** Elements of a tensor of theirs in our order; `shape` is ours. */
export function fromForeign(
  x: Float32Array,
  shape: readonly number[],
  layout: Layout,
): Float32Array {
  if (layout === "same") return x;
  const [r, s, c, o] = shape as [number, number, number, number];
  if (layout === "matrix") return transposed(x, s, r);
  const filters = x.slice();
  const size = r * s * c;
  for (let i = 0; i < o; i++)
    filters.set(transposed(filters.subarray(i * size, (i + 1) * size), c, r * s), i * size);
  return transposed(filters, o, size);
}
