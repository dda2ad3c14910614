/** What a model makes of its data, as a file from which other programs can measure it. */
import { labelledRows } from "./assess.ts";
import type { Assessed } from "./assessed.ts";
import { classIndices } from "./classes.ts";
import { embedClasses } from "./evaluate.ts";
import type { Rows } from "./measures.ts";
import { encodeSafetensors, type StoredTensor } from "./safetensors.ts";

const vectors = ({ data, width }: Rows): StoredTensor => ({
  ...{ dtype: "f32", shape: [data.length / width, width], data },
});
const numbers = (values: readonly number[]): StoredTensor => ({
  ...{ dtype: "u32", shape: [values.length], data: Uint32Array.from(values) },
});

/**
 * Embeddings and labels, as safetensors; labels are indices of the classes, whose names are JSON
 * under "classes" of the metadata.
 *
 *   classes                     f32[C, E]  class vectors, unit rows
 *   test.images, test.texts     f32[N, E]  labelled held-out pairs, unit rows
 *   test.features, test.labels  the same images as the image tower makes them
 *   clean.features, .labels     labelled training images without attacks: what probes learn from
 *   pairs.images, pairs.texts   f32[M, E]  training pairs as the model saw them, unit rows
 *   pairs.attacked              u32[M]     1 where an attack made or changed the pair
 */
export async function encodeEmbeddings(assessed: Assessed): Promise<Uint8Array> {
  const { embedder, data, subjects } = assessed;
  const { classes } = data;
  const { dataset: pairs, truth } = assessed.attacked();
  const { labelled: test } = subjects;
  const clean = labelledRows(data.train, classes);
  const attacked = new Set(truth.map(({ row }) => row));
  const tensors = {
    classes: vectors(await embedClasses(embedder, data)),
    "test.images": vectors(await embedder.images(test)),
    "test.texts": vectors(await embedder.captions(test.captions)),
    "test.features": vectors(await embedder.features(test)),
    "test.labels": numbers(classIndices(classes, test.labels)),
    "clean.features": vectors(await embedder.features(clean)),
    "clean.labels": numbers(classIndices(classes, clean.labels)),
    "pairs.images": vectors(await embedder.images(pairs)),
    "pairs.texts": vectors(await embedder.captions(pairs.captions)),
    "pairs.attacked": numbers(pairs.ids.map((_, row) => Number(attacked.has(row)))),
  };
  return encodeSafetensors({ tensors, metadata: { classes: JSON.stringify(classes) } });
}
