import {
  contrastiveLossPull,
  contrastiveLossSlope,
  contrastiveLossTerms,
  contrastiveLoss as kernel,
} from "../../kernels/contrastive_loss/contrastive_loss.ts";
import { vectorWidth } from "../../kernels/kernel.ts";
import { blank, constant, launch, type Tensor, withGrad } from "../graph.ts";
import { match, shapeError } from "../shape.ts";
import { multiply } from "./multiply.ts";
import { sum } from "./reduce.ts";
import { sumRows } from "./rows.ts";

/** Columns in a part: a multiple of what a workgroup takes at a time, whatever its constants. */
const PART_COLUMNS = 128;

/** Parts of the columns at most: with the tiles of rows, enough workgroups for the largest GPUs. */
const MAX_PARTS = 96;

/** Rows in a part of a column: those of the smallest tile, which ends with its columns. */
const PART_ROWS = 32;

/** Images whose slopes are made at a time: an eighth of the batch, but no fewer, no more than: */
const MIN_SLAB = 256; // with it, all cores of a device are at work
const MAX_SLAB = 1024; // with it, they are at work by images too, whose products are few and long
const SLABS = 8;

/**
 * What a loss is made of; `ids` say which rows share positives, or exclude each other; one side is
 * that of the images alone.
 */
interface Operands {
  readonly images: Tensor;
  readonly texts: Tensor;
  readonly logitScale: Tensor;
  readonly ids: Tensor;
  readonly EXCLUDE: 0 | 1;
  readonly SIDES: 1 | 2;
}

const numbered = (B: number) => constant(Uint32Array.from({ length: B }, (_, i) => i));

/** Terms of the loss, and what their gradient needs: lse of rows and columns, shares. */
function termsOf({ images, texts, logitScale, ids, EXCLUDE, SIDES }: Operands) {
  const [B, E] = images.shape as [number, number];
  const across = Math.ceil(B / MAX_PARTS / PART_COLUMNS) * PART_COLUMNS;
  const row_parts = Math.ceil(B / across);
  const column_parts = Math.ceil(B / PART_ROWS);
  const given = { images, texts, log_scale: logitScale };
  const size = { B, E, across, down: PART_ROWS };
  const outputs = { parts: [row_parts + column_parts, B] };
  const { parts } = launch(kernel, size, { ...given, ids }, outputs, { EXCLUDE });
  const positives = EXCLUDE ? numbered(B) : ids;
  const VECTOR = vectorWidth(E);
  const made = { lse: [2 * B], share: [B], term: [B] };
  return launch(
    contrastiveLossTerms,
    { B, width: E / VECTOR, row_parts, column_parts },
    { ...given, ids: positives, parts },
    made,
    { SIDES, VECTOR },
  );
}

/** Gradients by images and texts, slab by slab: B² slopes at once would be the largest tensor. */
function pulled(
  { images, texts, logitScale, ids, EXCLUDE, SIDES }: Operands,
  saved: Readonly<Record<"share" | "lse" | "dloss", Tensor>>,
) {
  const [B, E] = images.shape as [number, number];
  const slab = Math.min(Math.max(Math.ceil(B / SLABS), MIN_SLAB), MAX_SLAB);
  const given = { images, texts, log_scale: logitScale, ids, ...saved };
  let dimages = blank("contrastiveLoss.dimages", [B, E]);
  let dtexts = blank("contrastiveLoss.dtexts", [B, E]);
  for (let first = 0; first < B; first += slab) {
    const params = { B, E, first, rows: Math.min(slab, B - first) };
    const outputs = { slope: [params.rows, B] };
    const { slope } = launch(contrastiveLossSlope, params, given, outputs, { EXCLUDE, SIDES });
    const pull = (PART: number, others: Tensor, d: Tensor) =>
      launch(contrastiveLossPull, params, { slope, others, d }, {}, { PART }).d;
    dimages = pull(0, texts, dimages);
    dtexts = pull(1, images, dtexts);
  }
  return { images: dimages, texts: dtexts };
}

/**
 * CLIP's symmetric contrastive loss: each image with its text among all texts, and each text with
 * its image among all images.
 *
 *   L = ½ [CE(s · images · textsᵀ, diagonal) + CE(s · texts · imagesᵀ, diagonal)]
 *   s = exp(logitScale)
 *
 * The B² similarities are never stored. The loss takes them as they are made, and stores B² / 8
 * bytes of sums over columns. The gradient makes them again, for an eighth of the images at a time,
 * 256 to 1024, and stores the slopes of so many: of all where B ≤ 256.
 *
 * @param images      f32[B, E], unit rows
 * @param texts       f32[B, E], unit rows
 * @param logitScale  f32[], the logarithm of the scale
 * @param options     positives u32[B]: rows with one id share their positives, each of them with
 *                    the same weight; all different when left out. Or excluded u32[B]: rows with
 *                    one id are left out of each other's negatives. With oneSided, the first term
 *                    alone, whole: each image with its text among all texts
 * @returns           f32[], mean over the batch
 * @throws            ShapeError unless images and texts are [B, E], and at most one of positives
 *                    and excluded is given
 * @see               Radford et al. 2021, arXiv:2103.00020, figure 3; Khosla et al. 2020,
 *                    arXiv:2004.11362, eq. 2 (several positives)
 */
export function contrastiveLoss(
  images: Tensor,
  texts: Tensor,
  logitScale: Tensor,
  options: {
    readonly positives?: Tensor;
    readonly excluded?: Tensor;
    readonly oneSided?: boolean;
  } = {},
): Tensor {
  const { positives, excluded, oneSided = false } = options;
  const given = {
    images: [images, "B E"],
    texts: [texts, "B E"],
    logitScale: [logitScale, ""],
    positives: [positives, "B", "u32"],
    excluded: [excluded, "B", "u32"],
  } as const;
  const { B } = match("contrastiveLoss", given);
  if (positives && excluded) {
    const rule = "one of positives and excluded at most must be given";
    throw shapeError("contrastiveLoss", rule, given);
  }
  const ids = excluded ?? positives ?? numbered(B);
  const kind = { EXCLUDE: excluded ? 1 : 0, SIDES: oneSided ? 1 : 2 } as const;
  const operands: Operands = { images, texts, logitScale, ids, ...kind };
  const { lse, share, term } = termsOf(operands);
  return withGrad(sumRows(term, []), { images, texts, logitScale }, (dloss) => {
    const { images: dimages, texts: dtexts } = pulled(operands, { lse, share, dloss });
    // Σ_ij z[i,j] ∂loss/∂z[i,j]: both factors of z stand before the same sum
    const dscale = sum(multiply(images, dimages));
    return { images: dimages, texts: dtexts, logitScale: dscale };
  });
}
