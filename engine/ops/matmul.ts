import { HALF_BITS } from "../../kernels/kernel.ts";
import { matmul as kernel } from "../../kernels/matmul/matmul.ts";
import { launch, product, type Tensor, withGrad } from "../graph.ts";
import { floating, match, shapeError } from "../shape.ts";
import { ACTIVATION_KIND, type Activation, activate, activationCotangent } from "./activation.ts";
import { add } from "./add.ts";
import { cast, keptAs } from "./cast.ts";
import { reshape } from "./reshape.ts";
import { sumRows } from "./rows.ts";

/** How `matmul` reads its operands, and what it does with the products. */
export interface MatmulOptions {
  /** f32[N], added to every row of the result. */
  readonly bias?: Tensor | undefined;
  /** What is made of the sums, bias included; "none" when left out. */
  readonly activation?: Activation | undefined;
  /** f32[*B, M, N], added last. */
  readonly residual?: Tensor | undefined;
  /** `a` holds the transposes of its matrices. */
  readonly transposeA?: boolean;
  /** `b` holds the transposes of its matrices. */
  readonly transposeB?: boolean;
  /** The matrices of a, b, residual and result are heads that lie side by side. */
  readonly heads?: boolean;
}

/** Results, counting all parts of split sums, that keep every core of a device at work. */
const WANTED_RESULTS = 65_536;
/** Least length of a part of a sum. */
const MIN_SPAN = 256;
/**
 * How many terms go into a partial sum, where few results with long sums would leave cores idle.
 *
 * @param results  sums that there are
 * @param terms    of each
 */
export function spanOf(results: number, terms: number): number {
  const parts = Math.min(Math.ceil(WANTED_RESULTS / results), Math.floor(terms / MIN_SPAN));
  return Math.ceil(terms / Math.max(parts, 1));
}

/** Factors of one element type: where one is f16, the other is rounded to it. */
export function alike(a: Tensor, b: Tensor): readonly [Tensor, Tensor] {
  if (a.dtype === "f32" && b.dtype === "f16") return [cast(a, "f16"), b];
  if (a.dtype === "f16" && b.dtype === "f32") return [a, cast(b, "f16")];
  return [a, b];
}

/**
 * Products of matrices; all sums are f32.
 *
 * @param a  f32 or f16[*B, M, K]; [*B, K, M] with transposeA
 * @param b  f32 or f16[*B, K, N]; [*B, N, K] with transposeB; when it has no leading dimensions, it
 *           multiplies every matrix of `a`, which must then not be transposed. Where one is f16 the
 *           other is rounded to it. Of f16 operands the gradients are f32, of cotangents rounded to
 *           f16
 * @param options  transposeA, transposeB, bias f32[N], added to every row, activation, and residual
 *           f32[*B, M, N], added last. With heads all have a dimension H before their last: a
 *           [*B, M, H, K], b [*B, K, H, N], as many products as heads
 * @returns  f32[*B, M, N]; with heads f32[*B, M, H, N]
 * @throws   ShapeError unless the dimensions of a and b agree
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const [left, right] = alike(a, b);
  const shared = b.shape.length === 2 && a.shape.length > 2;
  if (options.heads) return ofHeads(left, right, options);
  const { transposeA = false, transposeB = false, bias, residual } = options;
  const dtype = floating(left);
  const operands = {
    a: [left, transposeA ? "*B K M" : "*B M K", dtype],
    b: [right, shared ? (transposeB ? "N K" : "K N") : transposeB ? "*B N K" : "*B K N", dtype],
    bias: [bias, "N"],
    residual: [residual, "*B M N"],
  } as const;
  const { B, M, N, K } = match("matmul", operands);
  const size = { batches: product(B), heads: 1, M, N, K };
  if (!shared) return multiplied(left, right, size, [...B, M, N], options);
  if (transposeA)
    throw shapeError("matmul", "b must have the leading dimensions of a transposed a", operands);
  const rows = product(B) * M;
  const flat = { ...options, residual: residual && reshape(residual, [rows, N]) };
  return reshape(matmul(reshape(left, [rows, K]), right, flat), [...B, M, N]);
}

/** Products of heads that lie side by side. */
function ofHeads(a: Tensor, b: Tensor, options: MatmulOptions): Tensor {
  const { transposeA, transposeB, bias, residual } = options;
  const dtype = floating(a);
  const { B, M, N, K, H } = match("matmul", {
    a: [a, transposeA ? "*B K H M" : "*B M H K", dtype],
    b: [b, transposeB ? "*B N H K" : "*B K H N", dtype],
    bias: [bias, "N"],
    residual: [residual, "*B M H N"],
  });
  const size = { batches: product(B) * H, heads: H, M, N, K };
  return multiplied(a, b, size, [...B, M, H, N], options);
}

/** The sizes of a batch of products. */
interface Size {
  readonly batches: number;
  /** Of the batches, how many lie side by side. */
  readonly heads: number;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

type Layout = Readonly<Record<"transposeA" | "transposeB" | "heads", boolean>>;

/** Cotangents of the factors, from the product's. */
function cotangents(
  a: Tensor,
  b: Tensor,
  dz: Tensor,
  { transposeA, transposeB, heads }: Layout,
): { a: Tensor; b: Tensor } {
  return {
    a: transposeA
      ? matmul(b, dz, { transposeA: transposeB, transposeB: true, heads })
      : matmul(dz, b, { transposeB: !transposeB, heads }),
    b: transposeB
      ? matmul(dz, a, { transposeA: true, transposeB: transposeA, heads })
      : matmul(a, dz, { transposeA: !transposeA, heads }),
  };
}

function multiplied(
  a: Tensor,
  b: Tensor,
  size: Size,
  shape: readonly number[],
  { bias, activation = "none", residual, ...options }: MatmulOptions,
): Tensor {
  const { batches, heads, M, N, K } = size;
  const layout: Layout = { transposeA: false, transposeB: false, heads: false, ...options };
  const span = spanOf(batches * M * N, K);
  const parts = Math.ceil(K / span);
  const [aRow, aStep, aHead] = layout.transposeA ? [1, heads * M, M] : [heads * K, 1, K];
  const [bStep, bCol, bHead] = layout.transposeB ? [1, heads * K, K] : [heads * N, 1, N];
  const params = { ...size, span, aRow, aStep, bStep, bCol, aHead, bHead };
  const kind = parts > 1 ? "none" : activation; // partial sums must be added first
  const KIND = ACTIVATION_KIND[kind];
  // After an activation the sum is another pass: relu's gradient goes by what it made.
  const joined = parts === 1 && activation === "none" ? residual : undefined;
  const outputs = { y: parts > 1 ? [parts, ...shape] : shape, z: KIND > 1 ? shape : [0] };
  const half = a.dtype === "f16";
  const element = half ? { ELEMENT: HALF_BITS } : {};
  const choices = { ...element, BIAS: bias ? 1 : 0, KIND, RESIDUAL: joined ? 1 : 0 };
  const inputs = { a, b, bias: bias ?? b, residual: joined ?? b };
  const { y, z } = launch(kernel, params, inputs, outputs, choices);
  const sums = KIND > 1 ? z : y; // which the activation's derivative is known from
  const kept = keptAs(sums, half && kind !== "none" ? "f16" : "f32");
  const parents = { a, b, bias, residual: joined };
  const result = withGrad(parts > 1 ? sumRows(y, shape) : y, parents, (dy) => {
    const exact = kind === "none" ? dy : activationCotangent(kind, kept(), dy);
    const dz = half ? cast(exact, "f16") : exact;
    const factors = cotangents(a, b, dz, layout);
    return { ...factors, bias: bias && sumRows(exact, [N]), residual: dy };
  });
  const activated = parts > 1 ? activate(activation, result) : result;
  return residual && !joined ? add(activated, residual) : activated;
}
