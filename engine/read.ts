/** Reading back: from buffers on the device to arrays of the host. */
import { byteLength, type Device, type Region } from "./device.ts";
import type { HostArray, HostData, Storage, Tensor } from "./graph.ts";
import { leaves, type Mapped, mapTree } from "./tree.ts";

/** Staging buffers up to this size are kept for the next read: a loss is read at every step. */
const KEPT_BYTES = 4096;
const kept = new WeakMap<GPUDevice, Map<number, GPUBuffer[]>>();

/** Buffers of a size that no read uses at the moment. */
function spareStaging(gpu: GPUDevice, size: number): GPUBuffer[] {
  const bySize = kept.get(gpu) ?? new Map<number, GPUBuffer[]>();
  kept.set(gpu, bySize);
  const spare = bySize.get(size) ?? [];
  bySize.set(size, spare);
  return spare;
}

function takeStaging(gpu: GPUDevice, size: number): GPUBuffer {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  return spareStaging(gpu, size).pop() ?? gpu.createBuffer({ label: "read", size, usage });
}

function giveBack(gpu: GPUDevice, staging: GPUBuffer): void {
  if (staging.size > KEPT_BYTES) staging.destroy();
  else {
    staging.unmap();
    spareStaging(gpu, staging.size).push(staging);
  }
}

/** Read storages back, all in one submission. */
export async function readBuffers(
  device: Device,
  sources: readonly (Region & { readonly storage: Storage })[],
): Promise<HostData[]> {
  const { gpu, half } = device;
  const encoder = gpu.createCommandEncoder({ label: "read" });
  const staged = sources.map(({ buffer, offset, storage }) => {
    const staging = takeStaging(gpu, byteLength(storage, half));
    encoder.copyBufferToBuffer(buffer, offset, staging, 0, staging.size);
    return staging;
  });
  gpu.queue.submit([encoder.finish()]);
  await device.until(Promise.all(staged.map((s) => s.mapAsync(GPUMapMode.READ))));
  device.check();
  return staged.map((staging, i) => {
    const { dtype, elements } = sources[i]!.storage;
    const bytes = staging.getMappedRange().slice(0);
    giveBack(gpu, staging);
    return (dtype === "f32" ? new Float32Array(bytes) : new Uint32Array(bytes)).slice(0, elements);
  });
}

/** Read a tree of held state back as host arrays. */
export async function readState<T>(device: Device, tree: T): Promise<Mapped<T, Tensor, HostArray>> {
  const tensors = leaves<Tensor>(tree).map(([, tensor]) => tensor);
  const data = await readBuffers(
    device,
    tensors.map(({ storage }) => ({ ...device.held.get(storage)!, storage })),
  );
  const byTensor = new Map(tensors.map((tensor, i) => [tensor, data[i]!]));
  return mapTree(tree, (tensor: Tensor) => ({
    shape: tensor.shape,
    data: byTensor.get(tensor)!,
  }));
}
