/**
 * Weights of a model as a file that other programs read: open_clip's names and layouts for CLIP's
 * models, our own for the small one, which no other program has.
 */
import { readFile } from "node:fs/promises";
import { type HostArray, leaves, mapTree } from "../engine/index.ts";
import { UserError } from "./errors.ts";
import { fromHalf, MAX_HALF, toHalf } from "./half.ts";
import type { Weights } from "./model.ts";
import {
  FOREIGN_EXTRAS,
  type ForeignTensor,
  foreignShape,
  foreignTensors,
  fromForeign,
  plainName,
  toForeign,
} from "./openClip.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "./safetensors.ts";
import type { Config } from "./schema.ts";

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
  /** Training steps done, which PyTorch's batch norms count. */
  readonly steps: number;
}

/**
 * The bytes of a file of weights.
 *
 * @returns  safetensors
 * @throws   UserError when a number does not fit half precision
 */
export function encodeWeights(
  model: Config["model"],
  weights: Weights<HostArray>,
  { half, steps }: ExportOptions,
): Uint8Array {
  const named = tensorsOf(model, weights);
  const { params, statistics } = weights;
  const tensors: Record<string, StoredTensor<"f32" | "f16" | "i64">> = {};
  for (const [path, { shape, data }] of leaves<HostArray>({ params, statistics })) {
    const { name, layout, half: narrow } = named.get(path)!;
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
  const metadata = { format: "pt", model: JSON.stringify(model) };
  return encodeSafetensors({ tensors, metadata });
}

/** Element types that checkpoints of CLIP have. */
const READ = ["f32", "f16", "i64"] as const;
type Read = StoredTensor<(typeof READ)[number]>;

/** A stored tensor's numbers, of whichever kind weights may be. */
function numbersOf({ dtype, data }: Read): Float32Array | undefined {
  if (dtype === "f32") return data;
  return dtype === "f16" ? Float32Array.from(data, fromHalf) : undefined;
}

const text = (shape: readonly number[]) => `[${shape.join(", ")}]`;

/** Whether a shape is the expected one; open_clip's logit_scale may be [1] instead of []. */
function fits(found: readonly number[], expected: readonly number[]): boolean {
  return text(found) === text(expected) || (expected.length === 0 && text(found) === "[1]");
}

/** A file's tensors by the names of `tensorsOf`, without what is no part of a model. */
function plainTensors(
  tensors: Readonly<Record<string, Read>>,
  expected: ReadonlySet<string>,
  where: string,
): ReadonlyMap<string, Read> {
  const found = new Map<string, Read>();
  for (const [name, tensor] of Object.entries(tensors)) {
    const plain = plainName(name);
    if (expected.has(plain)) found.set(plain, tensor);
    else if (!FOREIGN_EXTRAS.test(name))
      throw new UserError(
        `${where}: every tensor must be the model's; found "${name}" ${text(tensor.shape)}, which ` +
          "it does not have; choose the model that the file is of (--model)",
      );
  }
  return found;
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
  const named = tensorsOf(model, like);
  const names = new Set([...named.values()].map(({ name }) => name));
  const found = plainTensors(decodeSafetensors(bytes, where, READ).tensors, names, where);
  const take = ({ shape }: HostArray, path: string): HostArray => {
    const { name, layout } = named.get(path)!;
    const expected = foreignShape(shape, layout);
    const tensor = found.get(name);
    const numbers = tensor && fits(tensor.shape, expected) && numbersOf(tensor);
    if (numbers) return { shape, data: fromForeign(numbers, shape, layout) };
    const there = tensor ? `${tensor.dtype}${text(tensor.shape)}` : "none";
    throw new UserError(
      `${where}: tensor "${name}" must be f32 or f16 ${text(expected)}, as the model has it; ` +
        `found ${there}; choose the model that the file is of (--model)`,
    );
  };
  const { params, statistics } = like;
  return mapTree({ params, statistics }, take);
}

/**
 * Read the weights of a model from a file (`decodeWeights`).
 *
 * @throws  UserError also when the file cannot be read
 */
export async function readWeights(
  path: string,
  model: Config["model"],
  like: Weights<HostArray>,
): Promise<Weights<HostArray>> {
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new UserError(
      `${path}: must be a readable safetensors file; found ${cause.message}; check --pretrained`,
      { cause },
    );
  });
  return decodeWeights(bytes, model, like, path);
}
