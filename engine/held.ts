/** State on the device: trees of tensors that live between runs. */
import { WORD_BYTES } from "../kernels/kernel.ts";
import { byteLength, type Device } from "./device.ts";
import {
  type HostArray,
  type HostData,
  product,
  type SharedBuffer,
  type Storage,
  state,
  type Tensor,
} from "./graph.ts";
import { leaves, type Mapped, mapTree } from "./tree.ts";

/**
 * Which leaves of a tree share a buffer: those of f32 for whose paths this returns the same name.
 * One dispatch can update them all; none can update some of them and read others.
 */
export type Sharing = (path: string) => string | undefined;

const apart: Sharing = () => undefined;

/** What a shared buffer holds at most, but for a longer tensor; WebGPU's default maxBufferSize. */
const SHARED_ELEMENTS = 2 ** 28 / WORD_BYTES;

/** Tensors begin where a binding may: the most that minStorageBufferOffsetAlignment may be. */
const ALIGNED_ELEMENTS = 256 / WORD_BYTES;

/** Places in buffers that are filled by name; a full one is followed by another of its name. */
function places() {
  const filling = new Map<string, { readonly label: string; elements: number }>();
  return (label: string, elements: number): NonNullable<Storage["within"]> => {
    const needed = Math.ceil(Math.max(elements, 1) / ALIGNED_ELEMENTS) * ALIGNED_ELEMENTS;
    let buffer = filling.get(label);
    if (!buffer || buffer.elements + needed > SHARED_ELEMENTS) {
      buffer = { label, elements: 0 };
      filling.set(label, buffer);
    }
    const first = buffer.elements;
    buffer.elements += needed;
    return { buffer, first };
  };
}

/**
 * The tensors that `hold` makes of a tree, on no device: for outlines of plans.
 *
 * @param sharing  which lie in one buffer; each in its own when left out
 */
export function describe<T>(tree: T, sharing = apart): Mapped<T, HostArray, Tensor> {
  const placeIn = places();
  return mapTree(tree, (array: HostArray, path) => {
    const dtype = array.dtype ?? (array.data instanceof Float32Array ? "f32" : "u32");
    const name = dtype === "f32" ? sharing(path) : undefined;
    const within = name === undefined ? undefined : placeIn(name, product(array.shape));
    return state(path, array.shape, dtype, within);
  });
}

/** A buffer for one tensor of state, or for those that share one. */
function makeBuffer(device: Device, label: string, size: number): GPUBuffer {
  const { maxBufferSize } = device.gpu.limits;
  if (size > maxBufferSize)
    throw new Error(
      `hold: a tensor must fit one buffer of ${maxBufferSize} bytes on ${device.name}; ` +
        `${label} has ${size}; use a smaller pool or model`,
    );
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  return device.gpu.createBuffer({ label, size, usage });
}

/**
 * Put a tree of host arrays on the device as state.
 *
 * @param sharing  which lie in one buffer; each in its own when left out
 * @returns        the same tree of state tensors; plans on this device may read and update them
 * @throws         Error when one is larger than the device's largest buffer
 */
export function hold<T>(device: Device, tree: T, sharing = apart): Mapped<T, HostArray, Tensor> {
  const shared = new Map<SharedBuffer, GPUBuffer>();
  const bufferOf = (storage: Storage): GPUBuffer => {
    const { label, within } = storage;
    if (!within) return makeBuffer(device, label, byteLength(storage, device.half));
    const { buffer } = within;
    const made = shared.get(buffer) ?? makeBuffer(device, label, buffer.elements * WORD_BYTES);
    shared.set(buffer, made);
    return made;
  };
  const tensors = describe(tree, sharing);
  const held = leaves<Tensor>(tensors);
  for (const [i, [, array]] of leaves<HostArray>(tree).entries()) {
    const [, tensor] = held[i]!;
    const offset = (tensor.storage.within?.first ?? 0) * WORD_BYTES;
    device.held.set(tensor.storage, { buffer: bufferOf(tensor.storage), offset });
    overwrite(device, tensor, array.data);
  }
  return tensors;
}

/** Replace the data of a held state tensor. */
export function overwrite(device: Device, tensor: Tensor, data: HostData): void {
  const region = device.held.get(tensor.storage);
  if (!region || data.length !== tensor.storage.elements)
    throw new Error(
      `overwrite: ${tensor.storage.label} must be held and get ` +
        `${tensor.storage.elements} elements; ` +
        `${data.length} were given${region ? "" : " and it is not held"}; pass what hold returned`,
    );
  const { buffer, offset } = region;
  device.gpu.queue.writeBuffer(buffer, offset, data as Float32Array<ArrayBuffer>);
}

/** Destroy the buffers of a tree of held state, and so of all that share them. */
export function release(device: Device, tree: unknown): void {
  for (const [, tensor] of leaves<Tensor>(tree)) {
    device.held.get(tensor.storage)?.buffer.destroy();
    device.held.delete(tensor.storage);
  }
}
