import { defineKernel, ELEMENT, narrowSubgroups, spread, WORD_BYTES } from "../kernel.ts";
import {
  PRODUCT_CONSTS,
  PRODUCT_TILE,
  PRODUCT_TILE_SUBGROUP,
  PRODUCT_USES,
  productSubgroups,
  productTiles,
  productValid,
  vectorOf,
} from "../lib/product.ts";

/** Operands of a product of images with texts. */
const SIMILARITY = "similarity";
const ELEMENTS = { ELEMENT_IMAGES: ELEMENT, ELEMENT_TEXTS: ELEMENT };
const bytesOf = (elements: number, bits: number) => (elements * bits) / 8;
const fit = ({ E }: { readonly E: number }) => ({ VECTOR: vectorOf(E) });

export const contrastiveLoss = defineKernel({
  name: "contrastive_loss",
  source: new URL("./contrastive_loss.wgsl", import.meta.url),
  uses: [SIMILARITY, ...PRODUCT_TILE, "both_lse_tile"],
  bindings: { images: "read", texts: "read", log_scale: "read", ids: "read", parts: "write" },
  params: { B: "u32", E: "u32", across: "u32", down: "u32" },
  consts: PRODUCT_CONSTS,
  options: { EXCLUDE: [0, 1], ...ELEMENTS },
  reorders: ["COLS", "WGX"],
  valid: productValid,
  fit,
  subgroups: narrowSubgroups((size) => ({
    uses: [SIMILARITY, ...PRODUCT_TILE_SUBGROUP, "both_lse_subgroup"],
    consts: { ROWS: [32], COLS: [4], WGX: [size], WGY: [1] },
  })),
  grid: ({ B, across, ROWS, WGY }) => [Math.ceil(B / (ROWS * WGY)), Math.ceil(B / across)],
  cost: ({ B, E, across, down, ELEMENT_IMAGES, ELEMENT_TEXTS }) => ({
    flops: B * B * (2 * E + 8),
    bytes:
      bytesOf(B * E, ELEMENT_IMAGES + ELEMENT_TEXTS) +
      WORD_BYTES * B * (Math.ceil(B / across) + Math.ceil(B / down)),
  }),
});

export const contrastiveLossTerms = defineKernel({
  name: "contrastive_loss_terms",
  source: new URL("./contrastive_loss_terms.wgsl", import.meta.url),
  uses: ["index", "vector_dot"],
  bindings: {
    images: "read",
    texts: "read",
    log_scale: "read",
    ids: "read",
    parts: "read",
    lse: "write",
    share: "write",
    term: "write",
  },
  params: { B: "u32", width: "u32", row_parts: "u32", column_parts: "u32" },
  consts: { WG: [64, 32] },
  options: { SIDES: [2, 1], VECTOR: [1, 4], ...ELEMENTS },
  grid: ({ B, WG }) => spread(Math.ceil(B / WG)),
  cost: ({ B, width, row_parts, column_parts, VECTOR, ELEMENT_IMAGES, ELEMENT_TEXTS }) => ({
    flops: B * (2 * VECTOR * width + 4 * (row_parts + column_parts)),
    bytes:
      bytesOf(B * VECTOR * width, ELEMENT_IMAGES + ELEMENT_TEXTS) +
      WORD_BYTES * B * (row_parts + column_parts + 5),
  }),
});

export const contrastiveLossSlope = defineKernel({
  name: "contrastive_loss_slope",
  source: new URL("./contrastive_loss_slope.wgsl", import.meta.url),
  uses: [...PRODUCT_USES, SIMILARITY],
  bindings: {
    images: "read",
    texts: "read",
    log_scale: "read",
    ids: "read",
    share: "read",
    lse: "read",
    dloss: "read",
    slope: "write",
  },
  params: { B: "u32", E: "u32", first: "u32", rows: "u32" },
  consts: PRODUCT_CONSTS,
  options: { EXCLUDE: [0, 1], SIDES: [2, 1], ...ELEMENTS },
  valid: productValid,
  fit,
  subgroups: productSubgroups(({ B }) => B, [SIMILARITY]),
  grid: ({ B, rows, ...tile }) => spread(productTiles(rows, B, tile)),
  cost: ({ B, E, rows, ELEMENT_IMAGES, ELEMENT_TEXTS }) => ({
    flops: rows * B * (2 * E + 8),
    bytes:
      bytesOf(E * rows, ELEMENT_IMAGES) +
      bytesOf(E * B, ELEMENT_TEXTS) +
      WORD_BYTES * (rows * B + 3 * (rows + B)),
  }),
});

export const contrastiveLossPull = defineKernel({
  name: "contrastive_loss_pull",
  source: new URL("./contrastive_loss_pull.wgsl", import.meta.url),
  uses: PRODUCT_USES,
  bindings: { slope: "read", others: "read", d: "update" },
  params: { B: "u32", E: "u32", first: "u32", rows: "u32" },
  consts: PRODUCT_CONSTS,
  options: { PART: [0, 1], ELEMENT_OTHERS: ELEMENT },
  valid: productValid,
  fit: ({ B, E }) => ({ VECTOR_LEFT: vectorOf(B), VECTOR_RIGHT: vectorOf(E) }),
  subgroups: productSubgroups(({ E }) => E),
  grid: ({ B, E, rows, PART, ...tile }) => spread(productTiles(PART === 0 ? rows : B, E, tile)),
  cost: ({ B, E, rows, PART, ELEMENT_OTHERS }) => ({
    flops: 2 * rows * B * E,
    bytes:
      bytesOf(E * (PART === 0 ? B : rows), ELEMENT_OTHERS) +
      WORD_BYTES * (rows * B + E * (PART === 0 ? rows : 2 * B)),
  }),
});
