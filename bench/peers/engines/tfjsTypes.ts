/** The part of TensorFlow.js that the jobs use: its types are not installed with this project. */
import type { HostArray } from "../../../engine/graph.ts";

/** A tensor on the device. */
export interface TfTensor {
  readonly shape: number[];
  readonly dtype: string;
  readonly data: () => Promise<Float32Array | Int32Array>;
  readonly dispose: () => void;
}

type Unary = (x: TfTensor) => TfTensor;
type Operand = TfTensor | number;
type Binary = (x: Operand, y: Operand) => TfTensor;
type Reduction = (x: TfTensor, axis?: number | number[], keepDims?: boolean) => TfTensor;

/** @tensorflow/tfjs-backend-webgpu */
export interface TfBackend {
  readonly device: GPUDevice;
  /** What is recorded and not yet submitted; none when that is nothing. */
  readonly commandEncoder: GPUCommandEncoder | null;
  readonly endComputePassEncoder: () => void;
  readonly submitQueue: () => void;
}

/** @tensorflow/tfjs-core */
export interface Tf {
  readonly enableProdMode: () => void;
  readonly setBackend: (name: string) => Promise<boolean>;
  readonly ready: () => Promise<void>;
  readonly backend: () => TfBackend;
  readonly tensor: (data: HostArray["data"] | Int32Array, shape: readonly number[]) => TfTensor;
  readonly tidy: <T>(work: () => T) => T;
  readonly valueAndGrads: (
    f: (...xs: TfTensor[]) => TfTensor,
  ) => (xs: readonly TfTensor[], dy?: TfTensor) => { value: TfTensor; grads: TfTensor[] };
  readonly matMul: (a: TfTensor, b: TfTensor, transA?: boolean, transB?: boolean) => TfTensor;
  readonly conv2d: (x: TfTensor, w: TfTensor, stride: number, padding: number) => TfTensor;
  readonly avgPool: (x: TfTensor, size: number, stride: number, padding: "valid") => TfTensor;
  readonly transpose: (x: TfTensor, order: readonly number[]) => TfTensor;
  readonly reshape: (x: TfTensor, shape: readonly number[]) => TfTensor;
  readonly gather: (x: TfTensor, indices: TfTensor) => TfTensor;
  readonly unstack: (x: TfTensor, axis: number) => TfTensor[];
  readonly softmax: Unary;
  readonly logSumExp: Reduction;
  readonly mean: Reduction;
  readonly sum: Reduction;
  readonly argMax: (x: TfTensor, axis: number) => TfTensor;
  readonly relu: Unary;
  readonly sigmoid: Unary;
  readonly sqrt: Unary;
  readonly rsqrt: Unary;
  readonly square: Unary;
  readonly exp: Unary;
  readonly clipByValue: (x: TfTensor, low: number, high: number) => TfTensor;
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly div: Binary;
}
