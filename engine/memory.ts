/**
 * Where a plan's tensors lie: each in a range of a slot, which is one GPU buffer. Ranges are reused
 * when lifetimes do not overlap.
 *
 * WebGPU forbids one dispatch to bind a buffer both for reading and for writing, even in disjoint
 * ranges, so a tensor that a dispatch reads never shares a slot with one that it writes.
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

/** Where a storage lies. */
export interface Place {
  readonly slot: number;
  /** Bytes from the slot's start. */
  readonly offset: number;
}

/** An assignment of storages to ranges of slots. */
export interface Layout {
  readonly placeOf: ReadonlyMap<Storage, Place>;
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

/** For each storage, those that a dispatch writes while it reads it, or reads while it writes. */
export type Conflicts = ReadonlyMap<Storage, ReadonlySet<Storage>>;

/** Which storages of a list of dispatches may not share a slot. */
export function conflictsOf(dispatches: readonly Dispatch[]): Conflicts {
  const found = new Map<Storage, Set<Storage>>();
  const add = (a: Storage, b: Storage) => found.set(a, (found.get(a) ?? new Set()).add(b));
  for (const { reads, writes } of dispatches)
    for (const { storage: read } of Object.values(reads))
      for (const { storage: written } of Object.values(writes)) {
        add(read, written);
        add(written, read);
      }
  return found;
}

const overlap = (a: Lifetime, b: Lifetime) => a.first <= b.last && b.first <= a.last;

/** The most bytes alive at any one dispatch: what no layout can do without. */
export function liveBound(lifetimes: readonly Lifetime[]): number {
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

/** A tensor in its range of a slot. */
interface Tenant {
  readonly lifetime: Lifetime;
  readonly offset: number;
  readonly end: number;
}

interface Slot {
  bytes: number;
  /** Those alive in each span of SPAN dispatches: what a lifetime may meet, without a walk. */
  readonly spans: Map<number, Tenant[]>;
}

const SPAN = 64; // dispatches

/** The spans that a lifetime touches. */
function spansOf({ first, last }: Lifetime): number[] {
  const begin = Math.floor(first / SPAN);
  return Array.from({ length: Math.floor(last / SPAN) - begin + 1 }, (_, i) => begin + i);
}

/** Those of a slot that are alive with a lifetime, from the lowest offset on. */
function aliveWith({ spans }: Slot, lifetime: Lifetime, touched: readonly number[]): Tenant[] {
  const alive: Tenant[] = [];
  for (const span of touched)
    for (const tenant of spans.get(span) ?? []) {
      // One that is met in several spans counts in the first of them.
      const met = Math.max(touched[0]!, Math.floor(tenant.lifetime.first / SPAN));
      if (met === span && overlap(tenant.lifetime, lifetime)) alive.push(tenant);
    }
  return alive.sort((a, b) => a.offset - b.offset);
}

const ALIGNMENT = 256; // bytes; the most that minStorageBufferOffsetAlignment may be
const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/**
 * The tightest range of a slot that is free throughout a lifetime.
 *
 * @param alive  the slot's tenants in that time, from the lowest offset on
 * @returns  its offset; the bytes that the slot must grow by, if no gap is wide enough; those of
 *           the gap that stay unused
 */
function gapIn({ bytes }: Slot, alive: readonly Tenant[], needed: number) {
  let best = { offset: 0, growth: Number.POSITIVE_INFINITY, unused: 0 };
  let offset = 0;
  for (const { offset: next, end } of [...alive, { offset: bytes, end: bytes }]) {
    const unused = next - offset - needed;
    const tighter = best.growth > 0 || unused < best.unused;
    if (unused >= 0 && tighter) best = { offset, growth: 0, unused };
    else if (next === bytes && best.growth > 0) best = { offset, growth: -unused, unused: 0 };
    offset = Math.max(offset, end);
  }
  return best;
}

/** Give every lifetime, in this order, the range that costs the fewest bytes. */
function place(lifetimes: readonly Lifetime[], conflicts: Conflicts, maxSlotBytes: number) {
  const slots: Slot[] = [];
  const placeOf = new Map<Storage, Place>();
  for (const lifetime of lifetimes) {
    const { storage } = lifetime;
    const needed = aligned(lifetime.bytes);
    const touched = spansOf(lifetime);
    const hostile = [...(conflicts.get(storage) ?? [])];
    const barred = new Set(hostile.map((other) => placeOf.get(other)?.slot));
    // The empty slot is a new one, taken when another would have to grow by as much.
    const { slot, offset, growth } = [{ bytes: 0, spans: new Map<number, Tenant[]>() }, ...slots]
      .filter((_, i) => !barred.has(i - 1))
      .map((slot) => ({ slot, ...gapIn(slot, aliveWith(slot, lifetime, touched), needed) }))
      .filter((at) => at.slot.bytes === 0 || at.slot.bytes + at.growth <= maxSlotBytes)
      .reduce((a, b) => ((b.growth - a.growth || b.unused - a.unused) < 0 ? b : a));
    if (slot.bytes === 0) slots.push(slot);
    slot.bytes += growth;
    const tenant = { lifetime, offset, end: offset + needed };
    for (const span of touched) {
      const alive = slot.spans.get(span);
      if (alive) alive.push(tenant);
      else slot.spans.set(span, [tenant]);
    }
    placeOf.set(storage, { slot: slots.indexOf(slot), offset });
  }
  return { placeOf, slotBytes: slots.map(({ bytes }) => bytes) };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);

/** Orders that `place` is tried in: each is the best of them for some plans. */
const ORDERS: readonly ((a: Lifetime, b: Lifetime) => number)[] = [
  (a, b) => b.bytes - a.bytes || a.first - b.first,
  (a, b) => b.last - a.last || b.bytes - a.bytes,
  (a, b) => b.bytes * (b.last - b.first + 1) - a.bytes * (a.last - a.first + 1),
];

/**
 * Lay storages out greedily, in several orders, and keep the layout of the fewest bytes.
 *
 * @param conflicts     which may not share a slot
 * @param maxSlotBytes  the adapter's largest buffer; no slot of several tensors is larger
 * @see Pisarchyk & Lee 2020, arXiv:2001.03288, "greedy by size"
 */
export function layOut(
  lifetimes: readonly Lifetime[],
  conflicts: Conflicts,
  maxSlotBytes: number,
): Layout {
  const layouts = ORDERS.map((order) => place([...lifetimes].sort(order), conflicts, maxSlotBytes));
  const best = layouts.reduce((a, b) => (sum(b.slotBytes) < sum(a.slotBytes) ? b : a));
  return { ...best, peakBytes: sum(best.slotBytes), boundBytes: liveBound(lifetimes) };
}

/** A slot for every storage, for runs that must not reuse memory. */
export function layOutApart(lifetimes: readonly Lifetime[]): Layout {
  const placeOf = new Map(lifetimes.map(({ storage }, slot) => [storage, { slot, offset: 0 }]));
  const slotBytes = lifetimes.map(({ bytes }) => bytes);
  return { placeOf, slotBytes, peakBytes: sum(slotBytes), boundBytes: liveBound(lifetimes) };
}
