/** GPUs by their makers' peak figures, for forecasts. */
import type { Roof } from "./epochForecast.ts";

/** A GPU as its maker describes it. */
export interface Gpu extends Roof {
  readonly name: string;
  readonly memoryGB: number;
  readonly source: string;
}

/** f32 by vector units, without tensor or matrix cores: what our f32 kernels use. */
export const GPUS: readonly Gpu[] = [
  {
    name: "Radeon RX 7900 XTX",
    gflops: 61_400,
    gbs: 960,
    memoryGB: 24,
    source: "AMD, Radeon RX 7900 XTX product page: peak single precision (dual issue)",
  },
  {
    name: "GeForce RTX 4090",
    gflops: 82_600,
    gbs: 1008,
    memoryGB: 24,
    source: "NVIDIA, Ada GPU architecture whitepaper, appendix A: peak FP32 (non-tensor)",
  },
  {
    name: "A100 80GB SXM",
    gflops: 19_500,
    gbs: 2039,
    memoryGB: 80,
    source: "NVIDIA, A100 Tensor Core GPU datasheet: FP32",
  },
];
