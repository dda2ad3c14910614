/** Products of matrices as CLIP training makes them. */
import type { HostArray } from "../../../engine/graph.ts";
import { type MatmulOptions, matmul } from "../../../engine/ops/matmul.ts";
import type { OnnxModel, OnnxNode } from "../engines/onnx.ts";
import type { Expected, Job, Named } from "../job.ts";
import { normals, sampled, total } from "./operands.ts";

interface Size {
  readonly name: string;
  readonly B?: number;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly options?: Pick<MatmulOptions, "transposeA" | "transposeB">;
}

/** Square, tall, both transposed forms (Aᵀ of dweight, Bᵀ of dx), batched heads, thin and wide. */
const SIZES: readonly Size[] = [
  { name: "square", M: 768, N: 768, K: 768 },
  { name: "MLP forward", M: 1536, N: 1024, K: 256 },
  { name: "MLP dweight", M: 256, N: 1024, K: 6144, options: { transposeA: true } },
  { name: "MLP dx", M: 1536, N: 256, K: 1024, options: { transposeB: true } },
  { name: "heads q·kᵀ", B: 64, M: 50, N: 50, K: 64, options: { transposeB: true } },
  { name: "thin, few results", M: 128, N: 128, K: 2048 },
  { name: "wide logits", M: 256, N: 4096, K: 512, options: { transposeB: true } },
];

/** The sizes with what follows from them. */
function layoutOf({ name, B = 1, M, N, K, options = {} }: Size) {
  const { transposeA = false, transposeB = false } = options;
  const lead = B > 1 ? [B] : [];
  const a = [...lead, ...(transposeA ? [K, M] : [M, K])];
  const b = [...lead, ...(transposeB ? [N, K] : [K, N])];
  const marks = `${transposeA ? " Aᵀ" : ""}${transposeB ? " Bᵀ" : ""}`;
  return {
    ...{ M, N, K, transposeA, transposeB },
    shape: `${name}: ${B > 1 ? `${B}× ` : ""}${M}×${K}×${N}${marks}`,
    shapes: { a, b },
    y: [...lead, M, N],
    swapped: lead.length > 0 ? [0, 2, 1] : [1, 0],
  };
}
type Layout = ReturnType<typeof layoutOf>;

function expected(layout: Layout, { a, b }: Named<HostArray>): Expected {
  const { M, N, K, transposeA, transposeB } = layout;
  return sampled("y", layout.y, (index) => {
    const [n, m] = [index % N, Math.floor(index / N) % M];
    const sheet = Math.floor(index / (M * N));
    const [aFirst, bFirst] = [sheet * M * K, sheet * K * N];
    return total(K, (k) => {
      const left = a!.data[aFirst + (transposeA ? k * M + m : m * K + k)]!;
      return left * b!.data[bFirst + (transposeB ? n * K + k : k * N + n)]!;
    });
  });
}

/** Gemm, which transposes as it reads, where there are no sheets; it has none. */
function onnx({ transposeA, transposeB, y, swapped }: Layout, constants: Named<HostArray>) {
  const outputs: OnnxModel["outputs"] = { y: { dtype: "f32", rank: y.length } };
  if (y.length === 2) {
    const attributes = { transA: Number(transposeA), transB: Number(transposeB) };
    const product: OnnxNode = { op: "Gemm", inputs: ["a", "b"], outputs: ["y"], attributes };
    return { constants, nodes: [product], outputs };
  }
  const turned = [...(transposeA ? ["a"] : []), ...(transposeB ? ["b"] : [])];
  const transposes = turned.map((name): OnnxNode => {
    const attributes = { perm: swapped };
    return { op: "Transpose", inputs: [name], outputs: [`${name}T`], attributes };
  });
  const inputs = ["a", "b"].map((name) => (turned.includes(name) ? `${name}T` : name));
  const product: OnnxNode = { op: "MatMul", inputs, outputs: ["y"] };
  return { constants, nodes: [...transposes, product], outputs };
}

function jobOf(size: Size): Job {
  const layout = layoutOf(size);
  const { transposeA, transposeB, swapped } = layout;
  return {
    op: "matmul",
    shape: layout.shape,
    operands: () => normals(layout.shapes),
    own: ({ a, b }) => ({ outputs: { y: matmul(a!, b!, { transposeA, transposeB }) } }),
    tfjs: (tf, { a, b }) => ({ y: tf.matMul(a!, b!, transposeA, transposeB) }),
    jax({ numpy: np }, { a, b }) {
      const left = transposeA ? np.transpose(a!, swapped) : a!;
      return { y: np.matmul(left, transposeB ? np.transpose(b!, swapped) : b!) };
    },
    ort: (operands) => onnx(layout, operands),
    expected: (operands) => [expected(layout, operands)],
    tolerance: 1e-5,
  };
}

export const matmulJobs: readonly Job[] = SIZES.map(jobOf);
