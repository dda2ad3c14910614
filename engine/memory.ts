/**
 * Where a plan's tensors lie: slots, each one GPU buffer, reused when lifetimes do not overlap.
 *
 * WebGPU forbids one dispatch to bind a buffer both for reading and for writing, even in disjoint
 * ranges, so a slot holds one tensor at a time, and a tensor that a dispatch reads never shares a
 * slot with one that it writes: lifetimes are inclusive at both ends.
 */
import { byteLength } from "./device.ts";
import type { Dispatch, Storage, Tensor } from "./graph.ts";

/** The first and last dispatch, by position in the plan, that touch a storage. */
export interface Lifetime {
  readonly storage: Storage;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** An assignment of storages to slots. */
export interface Layout {
  readonly slotOf: ReadonlyMap<Storage, number>;
  readonly slotBytes: readonly number[];
  /** Bytes of all slots. */
  readonly peakBytes: number;
  /** The most bytes alive at one dispatch: no layout can do with less. */
  readonly boundBytes: number;
}

/**
 * Lifetimes of every slot storage in a list of dispatches.
 *
 * @param kept  tensors that are read after the run, so live until its end
 * @param half  whether elements of f16 have two bytes (`Device.half`)
 */
export function lifetimesOf(
  dispatches: readonly Dispatch[],
  kept: readonly Tensor[],
  half = true,
): Lifetime[] {
  const found = new Map<Storage, Lifetime & { last: number }>();
  const touch = (tensor: Tensor, at: number) => {
    const { storage } = tensor;
    if (storage.kind !== "slot") return;
    const lifetime = found.get(storage);
    if (lifetime) lifetime.last = Math.max(lifetime.last, at);
    else found.set(storage, { storage, bytes: byteLength(storage, half), first: at, last: at });
  };
  dispatches.forEach(({ reads, writes }, at) => {
    for (const tensor of Object.values(reads)) touch(tensor, at);
    for (const tensor of Object.values(writes)) touch(tensor, at);
  });
  for (const tensor of kept) touch(tensor, dispatches.length);
  return [...found.values()];
}

const overlap = (a: Lifetime, b: Lifetime) => a.first <= b.last && b.first <= a.last;

/** The most bytes alive at any one dispatch. */
function liveBound(lifetimes: readonly Lifetime[]): number {
  const changes = new Map<number, number>();
  const change = (at: number, bytes: number) => changes.set(at, (changes.get(at) ?? 0) + bytes);
  for (const { bytes, first, last } of lifetimes) {
    change(first, bytes);
    change(last + 1, -bytes);
  }
  let live = 0;
  let most = 0;
  for (const at of [...changes.keys()].sort((a, b) => a - b)) {
    live += changes.get(at)!;
    most = Math.max(most, live);
  }
  return most;
}

/**
 * Assign slots greedily, largest tensor first, each to the smallest slot that is free throughout
 * its lifetime.
 *
 * @see Pisarchyk & Lee 2020, arXiv:2001.03288, "greedy by size"
 */
export function layOut(lifetimes: readonly Lifetime[]): Layout {
  const slotOf = new Map<Storage, number>();
  const slots: { bytes: number; tenants: Lifetime[] }[] = [];
  const bySize = [...lifetimes].sort((a, b) => b.bytes - a.bytes || a.first - b.first);
  for (const lifetime of bySize) {
    const free = slots.filter(({ tenants }) => !tenants.some((t) => overlap(t, lifetime)));
    let slot = free.sort((a, b) => a.bytes - b.bytes)[0];
    if (!slot) {
      slot = { bytes: lifetime.bytes, tenants: [] };
      slots.push(slot);
    }
    slot.tenants.push(lifetime);
    slotOf.set(lifetime.storage, slots.indexOf(slot));
  }
  const slotBytes = slots.map(({ bytes }) => bytes);
  const peakBytes = slotBytes.reduce((sum, bytes) => sum + bytes, 0);
  return { slotOf, slotBytes, peakBytes, boundBytes: liveBound(lifetimes) };
}

/** A slot for every storage, for runs that must not reuse memory. */
export function layOutApart(lifetimes: readonly Lifetime[]): Layout {
  const slotOf = new Map(lifetimes.map(({ storage }, i) => [storage, i]));
  const slotBytes = lifetimes.map(({ bytes }) => bytes);
  const peakBytes = slotBytes.reduce((sum, bytes) => sum + bytes, 0);
  return { slotOf, slotBytes, peakBytes, boundBytes: liveBound(lifetimes) };
}
