/** The GPU buffers that belong to one plan. */
import { WORD_BYTES } from "../kernels/kernel.ts";
import { byteLength, type Device, type Region } from "./device.ts";
import type { HostData, Storage } from "./graph.ts";
import type { Layout } from "./memory.ts";
import { readBuffers } from "./read.ts";

const GUARD_WORDS = 64;
const SENTINEL = 0x7fc0dead; // a NaN as f32, so that an element never written shows as well

/** The plan's own buffers: slots, inputs, constants, parameters. */
export interface Buffers {
  readonly regionOf: (storage: Storage) => Region;
  readonly boundBytes: (storage: Storage) => number;
  readonly params: GPUBuffer;
  destroy(): void;
}

/** Refuses a tensor that is larger than the device's largest buffer. */
export function checkFits(device: Device, storages: Iterable<Storage>): void {
  const limit = device.gpu.limits.maxBufferSize;
  for (const storage of storages) {
    const bytes = byteLength(storage, device.half);
    if (bytes > limit)
      throw new Error(
        `plan: a tensor must fit one buffer of ${limit} bytes on ${device.name}; ` +
          `${storage.label} has ${bytes}; use a smaller batch, model or pool`,
      );
  }
}

const USAGE = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

/** A buffer filled with 32-bit words, or with zeros. */
function makeBuffer(
  device: Device,
  label: string,
  size: number,
  words?: HostData,
  usage = USAGE(),
): GPUBuffer {
  const buffer = device.gpu.createBuffer({ label, size, usage });
  if (words) device.gpu.queue.writeBuffer(buffer, 0, words as Float32Array<ArrayBuffer>);
  return buffer;
}

function makeSlots(device: Device, layout: Layout, guardBytes: number): GPUBuffer[] {
  return layout.slotBytes.map((bytes, i) => {
    const size = bytes + guardBytes;
    const words = guardBytes > 0 ? new Uint32Array(size / WORD_BYTES).fill(SENTINEL) : undefined;
    return makeBuffer(device, `slot ${i}`, size, words);
  });
}

/**
 * Make a plan's buffers.
 *
 * @param fixed   inputs and constants, which keep a buffer of their own
 * @param params  the parameter blocks of all dispatches
 * @param guard   whether every slot is filled and followed by sentinels
 */
export function allocate(
  device: Device,
  layout: Layout,
  fixed: readonly Storage[],
  params: Uint32Array,
  guard: boolean,
): Buffers {
  const guardBytes = guard ? GUARD_WORDS * WORD_BYTES : 0;
  const slots = makeSlots(device, layout, guardBytes);
  const bytesOf = (storage: Storage) => byteLength(storage, device.half);
  const own = new Map(fixed.map((s) => [s, makeBuffer(device, s.label, bytesOf(s), s.data)]));
  const uniform = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  const block = makeBuffer(device, "params", params.byteLength, params, uniform);
  const find = (storage: Storage): Region => {
    const place = layout.placeOf.get(storage);
    if (place) return { buffer: slots[place.slot]!, offset: place.offset };
    const buffer = own.get(storage);
    if (buffer) return { buffer, offset: 0 };
    const held = device.held.get(storage);
    if (held) return held;
    throw new Error(
      `plan: state must be on the device before a plan uses it; ${storage.label} is not held; ` +
        "pass its tree to hold first",
    );
  };
  return {
    regionOf: find,
    boundBytes: (s) => bytesOf(s) + (s.kind === "slot" ? guardBytes : 0),
    params: block,
    destroy: () => {
      for (const buffer of [...slots, ...own.values(), block]) buffer.destroy();
    },
  };
}

/** The storages (of a guarded plan) whose sentinels were overwritten. */
export async function overrunsOf(
  device: Device,
  buffers: Buffers,
  storages: readonly Storage[],
): Promise<string[]> {
  const sources = storages.map((storage) => {
    const elements = byteLength(storage, device.half) / WORD_BYTES + GUARD_WORDS;
    return {
      ...buffers.regionOf(storage),
      storage: { ...storage, dtype: "u32" as const, elements },
    };
  });
  const data = await readBuffers(device, sources);
  const written = (words: HostData) => words.slice(-GUARD_WORDS).some((w) => w !== SENTINEL);
  return storages.filter((_, i) => written(data[i]!)).map(({ label }) => label);
}
