/**
 * Weights of a model as a file that other programs read: open_clip's names and layouts for CLIP's
 * models, our own for the small one, which no other program has.
 */
import { type HostArray, leaves, mapTree } from "../engine/index.ts";
import { shown, UserError } from "./errors.ts";
import { fromHalf, MAX_HALF, toHalf } from "./half.ts";
import type { Weights } from "./model.ts";
import {
  customTextName,
  FOREIGN_EXTRAS,
  type ForeignTensor,
  foreignShape,
  foreignTensors,
  fromForeign,
  plainName,
  toForeign,
} from "./openClip.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsFile,
  type StoredTensor,
  type TensorSpecs,
} from "./safetensors.ts";
import { withSafetensors } from "./safetensorsFile.ts";
import type { Config } from "./schema.ts";

/** Element types that checkpoints of CLIP have. */
const DTYPES = ["f32", "f16", "i64"] as const;
type ReadDtype = (typeof DTYPES)[number];
type Stored = StoredTensor<ReadDtype>;
type Specs = TensorSpecs<ReadDtype>;

/** Names and layouts of a model's tensors in a file, by our paths. */
function tensorsOf(model: Config["model"], weights: Weights<Pick<HostArray, "shape">>) {
  if (model !== "small") return foreignTensors(weights);
  const own = leaves<HostArray>({ params: weights.params, statistics: weights.statistics });
  return new Map(
    own.map(([path, { shape }]): [string, ForeignTensor] => [
      path,
      { name: path, layout: "same", half: shape.length >= 2 },
    ]),
  );
}

/** Numbers as halves. */
function halvesOf(data: Float32Array, name: string): Uint16Array {
  const bad = data.find((x) => !(Math.abs(x) <= MAX_HALF));
  if (bad === undefined) return Uint16Array.from(data, toHalf);
  throw new UserError(
    `export: numbers in half precision must be within ±${MAX_HALF}; found ${bad} in "${name}"; ` +
      "leave out --f16",
  );
}

/** What is written beside the weights. */
export interface ExportOptions {
  /** Halves where OpenAI's files have them; f32 for norms, tables, statistics and the scale. */
  readonly half: boolean;
  /** The names of open_clip's CustomTextCLIP; else those of its CLIP, which are OpenAI's. */
  readonly customText?: boolean;
  /** Training steps done, which PyTorch's batch norms count. */
  readonly steps: number;
}

/**
 * What a file of weights holds.
 *
 * @throws  UserError when a number does not fit half precision, or names of others are asked for of
 *          the small model
 */
export function foreignWeights(
  model: Config["model"],
  weights: Weights<HostArray>,
  { half, steps, customText = false }: ExportOptions,
): SafetensorsFile<ReadDtype> {
  if (customText && model === "small")
    throw new UserError(
      "export: --custom-text must be of a model that open_clip has; found the small model, whose " +
        "names are our own; leave it out",
    );
  const named = tensorsOf(model, weights);
  const { params, statistics } = weights;
  const tensors: Record<string, Stored> = {};
  for (const [path, { shape, data }] of leaves<HostArray>({ params, statistics })) {
    const { name: plain, layout, half: narrow } = named.get(path)!;
    const name = customText ? customTextName(plain) : plain;
    const own = toForeign(data as Float32Array, shape, layout);
    const there = foreignShape(shape, layout);
    tensors[name] =
      half && narrow
        ? { dtype: "f16", shape: there, data: halvesOf(own, name) }
        : { dtype: "f32", shape: there, data: own };
    if (model !== "small" && name.endsWith(".running_var"))
      tensors[name.replace("running_var", "num_batches_tracked")] = {
        dtype: "i64",
        shape: [],
        data: BigInt64Array.of(BigInt(steps)),
      };
  }
  return { tensors, metadata: { format: "pt", model: JSON.stringify(model) } };
}

/** The bytes of a file of weights (`foreignWeights`), as safetensors. */
export function encodeWeights(
  model: Config["model"],
  weights: Weights<HostArray>,
  options: ExportOptions,
): Uint8Array {
  return encodeSafetensors(foreignWeights(model, weights, options));
}

/** A stored tensor's numbers, which are of a kind that weights may be. */
function numbersOf({ dtype, data }: Stored): Float32Array {
  return dtype === "f32" ? data : Float32Array.from(data as Uint16Array, fromHalf);
}

const text = (shape: readonly number[]) => `[${shape.join(", ")}]`;

/** Whether a shape is the expected one; open_clip's logit_scale may be [1] instead of []. */
function fits(found: readonly number[], expected: readonly number[]): boolean {
  return text(found) === text(expected) || (expected.length === 0 && text(found) === "[1]");
}

/** The names in a file by the names of `tensorsOf`, without what is no part of a model. */
function plainNames(
  specs: Specs,
  expected: ReadonlySet<string>,
  where: string,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, { shape }] of Object.entries(specs)) {
    const plain = plainName(name);
    if (expected.has(plain)) found.set(plain, name);
    else if (!FOREIGN_EXTRAS.test(name))
      throw new UserError(
        `${where}: every tensor must be the model's; found ${shown(name)} ${shown(shape)}, which ` +
          "it does not have; choose the model that the file is of (--model)",
      );
  }
  return found;
}

/**
 * How the weights of a model are made of a file's tensors.
 *
 * @param specs  of the file: they are judged here, before there is data
 * @param like   weights of the model, for the shapes
 * @throws       UserError as decodeWeights
 */
function weightsReader(
  specs: Specs,
  model: Config["model"],
  like: Weights<HostArray>,
  where: string,
): (tensors: Readonly<Record<string, Stored>>) => Weights<HostArray> {
  const named = tensorsOf(model, like);
  const names = new Set([...named.values()].map(({ name }) => name));
  const found = plainNames(specs, names, where);
  const { params, statistics } = like;
  for (const [path, { shape }] of leaves<HostArray>({ params, statistics })) {
    const { name, layout } = named.get(path)!;
    const expected = foreignShape(shape, layout);
    const spec = specs[found.get(name) ?? ""];
    if (spec && fits(spec.shape, expected) && spec.dtype !== "i64") continue;
    const there = spec ? `${spec.dtype}${text(spec.shape)}` : "none";
    throw new UserError(
      `${where}: tensor "${name}" must be f32 or f16 ${text(expected)}, as the model has it; ` +
        `found ${there}; choose the model that the file is of (--model)`,
    );
  }
  return (tensors) =>
    mapTree({ params, statistics }, ({ shape }: HostArray, path): HostArray => {
      const { name, layout } = named.get(path)!;
      return { shape, data: fromForeign(numbersOf(tensors[found.get(name)!]!), shape, layout) };
    });
}

/**
 * The weights in a file of a model.
 *
 * @param bytes  of safetensors, f32 or f16
 * @param model  which the file must be of
 * @param like   weights of that model, for the shapes
 * @param where  what to call the file in an error: its path
 * @throws       UserError when it is not such a file, or naming the tensor that is missing, of
 *               another shape (both are shown) or not the model's
 */
export function decodeWeights(
  bytes: Uint8Array,
  model: Config["model"],
  like: Weights<HostArray>,
  where: string,
): Weights<HostArray> {
  const { tensors } = decodeSafetensors(bytes, where, DTYPES);
  return weightsReader(tensors, model, like, where)(tensors);
}

/**
 * Read the weights of a model from a file (`decodeWeights`), a tensor at a time.
 *
 * @throws  UserError also when the file cannot be read
 */
export async function readWeights(
  path: string,
  model: Config["model"],
  like: Weights<HostArray>,
): Promise<Weights<HostArray>> {
  return withSafetensors(path, DTYPES, async ({ specs, tensors }) => {
    const read = weightsReader(specs, model, like, path);
    return read(await tensors());
  });
}
