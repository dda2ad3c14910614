/** Whether a device's subgroups multiply matrices, as `matrix_subgroup` (kernels/lib) needs. */

/** What such kernels enable; each of use by itself but the last, which the types do not know. */
export const MATRIX_FEATURES = [
  ...["subgroups", "shader-f16"],
  ...["subgroup-size-control", "chromium-experimental-subgroup-matrix"],
] as readonly GPUFeatureName[];

/** A product of matrices that subgroups can do: [M, K] · [K, N]; Dawn's, not in the types. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

// Threads, workgroup memory and matrices of product_matrix with matrix_subgroup, at their largest
const TEAM = 32;
const MATRIX_BYTES = 20_480;
const MATRIX_SIDE = 16;

/** Whether a device can run the kernels that `Kernel.matrices` stands for. */
export function multipliesMatrices({ adapterInfo, features, limits }: GPUDevice): boolean {
  const info: GPUAdapterInfo & { subgroupMatrixConfigs?: Iterable<MatrixConfig> } = adapterInfo;
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = info;
  const fits = (c: MatrixConfig) =>
    [c.M, c.N, c.K].every((side) => side === MATRIX_SIDE) &&
    c.componentType === "f16" &&
    c.resultComponentType === "f32";
  return (
    MATRIX_FEATURES.every((feature) => features.has(feature)) &&
    [...(info.subgroupMatrixConfigs ?? [])].some(fits) &&
    subgroupMinSize <= TEAM &&
    TEAM <= subgroupMaxSize &&
    limits.maxComputeWorkgroupStorageSize >= MATRIX_BYTES
  );
}
