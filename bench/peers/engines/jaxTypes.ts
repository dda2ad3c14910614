/**
 * The part of jax-js that the jobs use: its own types are not installed with this project.
 *
 * A jax-js array may be used once: `x.ref` is x for one more use.
 */

/** An array on the device, or one that is being traced. */
export interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: number[];
  readonly data: () => Promise<Float32Array | Int32Array>;
  readonly blockUntilReady: () => Promise<unknown>;
  readonly dispose: () => void;
}

type Operand = JaxArray | number;
type Unary = (x: Operand) => JaxArray;
type Binary = (x: Operand, y: Operand) => JaxArray;
type Axis = number | readonly number[] | null;
type Reduction = (x: JaxArray, axis?: Axis, options?: { keepdims?: boolean }) => JaxArray;
type Tree = JaxArray | readonly Tree[] | { readonly [name: string]: Tree };

/** jax.numpy */
export interface JaxNumpy {
  readonly array: (
    data: Float32Array | Int32Array,
    options: { shape: readonly number[]; dtype?: unknown },
  ) => JaxArray;
  readonly float32: unknown;
  readonly int32: unknown;
  readonly matmul: (a: JaxArray, b: JaxArray) => JaxArray;
  readonly transpose: (x: JaxArray, order: readonly number[]) => JaxArray;
  readonly reshape: (x: JaxArray, shape: readonly number[]) => JaxArray;
  readonly take: (x: JaxArray, indices: JaxArray, axis: number) => JaxArray;
  readonly split: (x: JaxArray, parts: number, axis: number) => JaxArray[];
  readonly sum: Reduction;
  readonly mean: Reduction;
  readonly argmax: (x: JaxArray, axis: number) => JaxArray;
  readonly add: Binary;
  readonly subtract: Binary;
  readonly multiply: Binary;
  readonly trueDivide: Binary;
  readonly sqrt: Unary;
  readonly square: Unary;
  readonly exp: Unary;
  readonly clip: (x: JaxArray, low: number, high: number) => JaxArray;
}

/** @jax-js/jax */
export interface Jax {
  readonly init: (device: "webgpu") => Promise<readonly string[]>;
  readonly defaultDevice: (device: "webgpu") => string;
  readonly getWebGPUDevice: () => GPUDevice;
  readonly jit: <F>(f: F) => F & { readonly dispose: () => void };
  readonly vjp: (
    f: (...xs: JaxArray[]) => JaxArray,
    xs: readonly JaxArray[],
  ) => [JaxArray, (dy: JaxArray) => JaxArray[]];
  readonly valueAndGrad: <P extends Tree>(f: (params: P) => JaxArray) => (p: P) => [JaxArray, P];
  readonly numpy: JaxNumpy;
  readonly nn: {
    readonly softmax: (x: JaxArray, axis: number) => JaxArray;
    readonly logsumexp: (x: JaxArray, axis: number) => JaxArray;
    readonly relu: Unary;
    readonly sigmoid: Unary;
  };
  readonly lax: {
    readonly conv: (
      x: JaxArray,
      w: JaxArray,
      strides: readonly number[],
      padding: readonly (readonly [number, number])[],
    ) => JaxArray;
  };
}
