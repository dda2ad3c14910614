import { contrastiveLoss } from "../../engine/ops/contrastiveLoss.ts";
import { type Array64, array64, type Case, defineCase } from "../case.ts";

/** −log softmax(z)[i] averaged over the positives of i. */
function crossEntropy(z: Float64Array, positives: readonly number[]): number {
  const top = z.reduce((a, b) => Math.max(a, b));
  const lse = top + Math.log(z.reduce((sum, v) => sum + Math.exp(v - top), 0));
  return positives.reduce((sum, j) => sum + lse - z[j]!, 0) / positives.length;
}

interface Kind {
  readonly exclude?: boolean;
  readonly oneSided?: boolean;
}

/**
 * `ids`: rows that share positives or, if `exclude`, are not each other's negatives; `oneSided`: no
 * text among the images.
 */
function reference(
  { images, texts, logitScale }: Record<"images" | "texts" | "logitScale", Array64>,
  ids: ArrayLike<number>,
  { exclude = false, oneSided = false }: Kind = {},
) {
  const [B, E] = images.shape as [number, number];
  const scale = Math.exp(logitScale.data[0]!);
  const rows = new Float64Array(B * B);
  const columns = new Float64Array(B * B);
  for (let i = 0; i < B; i++)
    for (let j = 0; j < B; j++) {
      let dot = 0;
      for (let e = 0; e < E; e++) dot += images.data[i * E + e]! * texts.data[j * E + e]!;
      rows[i * B + j] = scale * dot;
      columns[j * B + i] = scale * dot;
      if (exclude && i !== j && ids[i] === ids[j])
        for (const [z, at] of [[rows, i * B + j] as const, [columns, j * B + i] as const])
          z[at] = Number.NEGATIVE_INFINITY;
    }
  let loss = 0;
  for (let i = 0; i < B; i++) {
    const positives: number[] = [];
    for (let j = 0; j < B; j++) if (exclude ? j === i : ids[j] === ids[i]) positives.push(j);
    for (const z of oneSided ? [rows] : [rows, columns])
      loss += crossEntropy(z.subarray(i * B, (i + 1) * B), positives);
  }
  return array64([], () => loss / ((oneSided ? 1 : 2) * B));
}

type Unit = NonNullable<NonNullable<Case["data"]>[string]>;
const unit: Unit = ([rows = 0, width = 0], draws) => {
  const data = Float32Array.from({ length: rows * width }, () => draws.normal());
  for (let r = 0; r < rows; r++) {
    const row = data.subarray(r * width, (r + 1) * width);
    const length = Math.hypot(...row);
    row.forEach((v, e) => {
      row[e] = v / length;
    });
  }
  return data;
};
const start: Unit = () => Float32Array.of(Math.log(1 / 0.07));
const tolerance = { relative: 1e-5, why: "f32 exponentials and sums over B ≤ 260 at scale 14" };

const allDifferent = ({ images }: { readonly images: Array64 }) =>
  Array.from({ length: images.shape[0]! }, (_, i) => i);

export default defineCase<"images" | "texts" | "logitScale">({
  run: ({ images, texts, logitScale }) => contrastiveLoss(images, texts, logitScale),
  reference: (operands) => reference(operands, allDifferent(operands)),
  shapes: [
    { images: [1, 3], texts: [1, 3], logitScale: [] },
    { images: [7, 5], texts: [7, 5], logitScale: [] },
    { images: [131, 9], texts: [131, 9], logitScale: [] }, // one past the tiles of a GPU
    { images: [260, 36], texts: [260, 36], logitScale: [] }, // one slab of 256 images and a bit
  ],
  rejects: [
    { images: [3, 4], texts: [2, 4], logitScale: [] },
    { images: [3, 4], texts: [3, 4], logitScale: [1] },
  ],
  data: { images: unit, texts: unit, logitScale: start },
  tolerance,
  bench: { "demo, batch 128": { images: [128, 64], texts: [128, 64], logitScale: [] } },
});

export const sharedPositives = defineCase<"images" | "texts" | "logitScale" | "positives">({
  run: ({ images, texts, logitScale, positives }) =>
    contrastiveLoss(images, texts, logitScale, { positives }),
  reference: ({ positives, ...operands }) => reference(operands, positives.data),
  shapes: [
    { images: [2, 3], texts: [2, 3], logitScale: [], positives: [2] },
    { images: [67, 8], texts: [67, 8], logitScale: [], positives: [67] },
  ],
  data: {
    images: unit,
    texts: unit,
    logitScale: start,
    positives: (shape, draws) => Uint32Array.from({ length: shape[0]! }, () => draws.below(20)),
  },
  tolerance,
});

export const excludedDuplicates = defineCase<"images" | "texts" | "logitScale" | "excluded">({
  run: ({ images, texts, logitScale, excluded }) =>
    contrastiveLoss(images, texts, logitScale, { excluded }),
  reference: ({ excluded, ...operands }) => reference(operands, excluded.data, { exclude: true }),
  shapes: [
    { images: [2, 3], texts: [2, 3], logitScale: [], excluded: [2] },
    { images: [67, 8], texts: [67, 8], logitScale: [], excluded: [67] },
    { images: [131, 12], texts: [131, 12], logitScale: [], excluded: [131] },
  ],
  rejects: [{ images: [3, 4], texts: [3, 4], logitScale: [], excluded: [2] }],
  data: {
    images: unit,
    texts: unit,
    logitScale: start,
    excluded: (shape, draws) => Uint32Array.from({ length: shape[0]! }, () => draws.below(20)),
  },
  tolerance,
});

export const oneSided = defineCase<"images" | "texts" | "logitScale" | "positives">({
  run: ({ images, texts, logitScale, positives }) =>
    contrastiveLoss(images, texts, logitScale, { positives, oneSided: true }),
  reference: ({ positives, ...operands }) =>
    reference(operands, positives.data, { oneSided: true }),
  shapes: [
    { images: [1, 3], texts: [1, 3], logitScale: [], positives: [1] },
    { images: [67, 8], texts: [67, 8], logitScale: [], positives: [67] },
    { images: [131, 9], texts: [131, 9], logitScale: [], positives: [131] },
  ],
  data: {
    images: unit,
    texts: unit,
    logitScale: start,
    positives: (shape, draws) => Uint32Array.from({ length: shape[0]! }, () => draws.below(20)),
  },
  tolerance,
});
