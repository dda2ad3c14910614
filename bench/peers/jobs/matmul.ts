/** Products of matrices as CLIP training makes them. */
import { type MatmulOptions, matmul } from "../../../engine/ops/matmul.ts";
import type { OnnxNode } from "../engines/onnx.ts";
import type { Job } from "../job.ts";
import { normals, sampled, total } from "./operands.ts";

interface Size {
  readonly name: string;
  readonly B?: number;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly options?: Pick<MatmulOptions, "transposeA" | "transposeB">;
}

const SIZES: readonly Size[] = [
  { name: "square", M: 768, N: 768, K: 768 },
  { name: "MLP forward", M: 1536, N: 1024, K: 256 },
  { name: "MLP dweight", M: 256, N: 1024, K: 6144, options: { transposeA: true } },
  { name: "MLP dx", M: 1536, N: 256, K: 1024, options: { transposeB: true } },
  { name: "heads q·kᵀ", B: 64, M: 50, N: 50, K: 64, options: { transposeB: true } },
  { name: "few results", M: 128, N: 128, K: 2048 },
  { name: "logits", M: 256, N: 4096, K: 512, options: { transposeB: true } },
];

function jobOf({ name, B = 1, M, N, K, options = {} }: Size): Job {
  const { transposeA = false, transposeB = false } = options;
  const lead = B > 1 ? [B] : [];
  const shapes = {
    a: [...lead, ...(transposeA ? [K, M] : [M, K])],
    b: [...lead, ...(transposeB ? [N, K] : [K, N])],
  };
  const swapped = lead.length > 0 ? [0, 2, 1] : [1, 0];
  const marks = `${transposeA ? " Aᵀ" : ""}${transposeB ? " Bᵀ" : ""}`;
  return {
    op: "matmul",
    shape: `${name}: ${B > 1 ? `${B}× ` : ""}${M}×${K}×${N}${marks}`,
    operands: () => normals(shapes),
    own: ({ a, b }) => ({ outputs: { y: matmul(a!, b!, options) } }),
    tfjs: (tf, { a, b }) => ({ y: tf.matMul(a!, b!, transposeA, transposeB) }),
    jax({ numpy: np }, { a, b }) {
      const left = transposeA ? np.transpose(a!, swapped) : a!;
      return { y: np.matmul(left, transposeB ? np.transpose(b!, swapped) : b!) };
    },
    ort(operands) {
      // Gemm can transpose as well, but took twice as long here as Transpose and MatMul.
      const transpose = (input: string): OnnxNode => ({
        op: "Transpose",
        inputs: [input],
        outputs: [`${input}T`],
        attributes: { perm: swapped },
      });
      const turned = [...(transposeA ? ["a"] : []), ...(transposeB ? ["b"] : [])];
      const inputs = ["a", "b"].map((input) => (turned.includes(input) ? `${input}T` : input));
      return {
        constants: operands,
        nodes: [...turned.map(transpose), { op: "MatMul", inputs, outputs: ["y"] }],
        outputs: { y: { dtype: "f32", rank: lead.length + 2 } },
      };
    },
    expected({ a, b }) {
      const value = (index: number) => {
        const [n, m] = [index % N, Math.floor(index / N) % M];
        const sheet = Math.floor(index / (M * N));
        const [aFirst, bFirst] = [sheet * M * K, sheet * K * N];
        return total(K, (k) => {
          const left = a!.data[aFirst + (transposeA ? k * M + m : m * K + k)]!;
          return left * b!.data[bFirst + (transposeB ? n * K + k : k * N + n)]!;
        });
      };
      return [sampled("y", [...lead, M, N], value)];
    },
    tolerance: 1e-5,
  };
}

export const matmulJobs: readonly Job[] = SIZES.map(jobOf);
