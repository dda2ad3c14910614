/** The GPU buffers that belong to one plan. */
import { WORD_BYTES } from "../kernels/kernel.ts";
import { byteLength, type Device, readBuffers } from "./device.ts";
import type { HostData, Storage } from "./graph.ts";
import type { Layout } from "./memory.ts";

const GUARD_WORDS = 64;
const SENTINEL = 0x7fc0dead; // a NaN as f32, so that an element never written shows as well

/** The plan's own buffers: slots, inputs, constants, parameters. */
export interface Buffers {
  readonly of: (storage: Storage) => GPUBuffer;
  readonly boundBytes: (storage: Storage) => number;
  readonly params: GPUBuffer;
  destroy(): void;
}

export function checkFits(device: Device, storages: Iterable<Storage>): void {
  const limit = device.gpu.limits.maxStorageBufferBindingSize;
  for (const storage of storages)
    if (byteLength(storage) > limit)
      throw new Error(
        `plan: a tensor must fit one binding of ${limit} bytes on ${device.name}; ` +
          `${storage.label} has ${byteLength(storage)}; use a smaller batch or model`,
      );
}

export function allocate(
  device: Device,
  layout: Layout,
  fixed: readonly Storage[],
  params: ArrayBuffer,
  guard: boolean,
): Buffers {
  const { gpu } = device;
  const made: GPUBuffer[] = [];
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const guardBytes = guard ? GUARD_WORDS * WORD_BYTES : 0;
  const create = (label: string, size: number, flags = usage) => {
    const buffer = gpu.createBuffer({ label, size, usage: flags });
    made.push(buffer);
    return buffer;
  };
  const slots = layout.slotBytes.map((bytes, i) => {
    const buffer = create(`slot ${i}`, bytes + guardBytes);
    if (guard)
      gpu.queue.writeBuffer(
        buffer,
        0,
        new Uint32Array((bytes + guardBytes) / WORD_BYTES).fill(SENTINEL),
      );
    return buffer;
  });
  const own = new Map<Storage, GPUBuffer>();
  for (const storage of fixed) {
    const buffer = create(storage.label, byteLength(storage));
    if (storage.data) gpu.queue.writeBuffer(buffer, 0, storage.data as Float32Array<ArrayBuffer>);
    own.set(storage, buffer);
  }
  const block = create(
    "params",
    params.byteLength,
    GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  );
  gpu.queue.writeBuffer(block, 0, params);
  const find = (storage: Storage) => {
    const slot = layout.slotOf.get(storage);
    const buffer =
      slot === undefined ? (own.get(storage) ?? device.buffers.get(storage)) : slots[slot];
    if (buffer) return buffer;
    throw new Error(
      `plan: state must be on the device before a plan uses it; ${storage.label} is not held; ` +
        "pass its tree to hold first",
    );
  };
  return {
    of: find,
    boundBytes: (s) => byteLength(s) + (s.kind === "slot" ? guardBytes : 0),
    params: block,
    destroy: () => {
      for (const buffer of made) buffer.destroy();
    },
  };
}

/** The storages (of a guarded plan) whose sentinels were overwritten. */
export async function overrunsOf(
  device: Device,
  buffers: Buffers,
  storages: readonly Storage[],
): Promise<string[]> {
  const sources = storages.map((storage) => ({
    buffer: buffers.of(storage),
    storage: { ...storage, dtype: "u32" as const, elements: storage.elements + GUARD_WORDS },
  }));
  const data = await readBuffers(device, sources);
  const written = (words: HostData) => words.slice(-GUARD_WORDS).some((w) => w !== SENTINEL);
  return storages.filter((_, i) => written(data[i]!)).map(({ label }) => label);
}
