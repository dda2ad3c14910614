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

const overlap = (a: Tenant, b: Lifetime) => a.first <= b.last && b.first <= a.last;

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
interface Tenant extends Pick<Lifetime, "first" | "last"> {
  readonly offset: number;
  readonly end: number;
}

interface Slot {
  bytes: number;
  /** Those alive in each span of SPAN dispatches, from the lowest offset on. */
  readonly spans: Map<number, Tenant[]>;
}

const SPAN = 512; // dispatches; most lifetimes touch one span or two

const spanAt = (dispatch: number) => Math.floor(dispatch / SPAN);

/** Those of a slot that are alive with a lifetime, from the lowest offset on. */
function aliveWith({ spans }: Slot, lifetime: Lifetime): Tenant[] {
  const [begin, end] = [spanAt(lifetime.first), spanAt(lifetime.last)];
  const alive: Tenant[] = [];
  for (let span = begin; span <= end; span++)
    for (const tenant of spans.get(span) ?? []) {
      // One that is in several spans counts in the first of them.
      const isNew = span === begin || tenant.first >= span * SPAN;
      if (isNew && overlap(tenant, lifetime)) alive.push(tenant);
    }
  return begin === end ? alive : alive.sort((a, b) => a.offset - b.offset);
}

function moveIn({ spans }: Slot, tenant: Tenant): void {
  for (let span = spanAt(tenant.first); span <= spanAt(tenant.last); span++) {
    const tenants = spans.get(span) ?? [];
    const above = tenants.findIndex(({ offset }) => offset > tenant.offset);
    tenants.splice(above < 0 ? tenants.length : above, 0, tenant);
    spans.set(span, tenants);
  }
}

const ALIGNMENT = 256; // bytes; the most that minStorageBufferOffsetAlignment may be
const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** A range that a tensor can have. */
interface Range extends Place {
  /** Bytes that the slot must grow by, if no gap is wide enough. */
  readonly growth: number;
  /** Bytes of the gap that stay unused. */
  readonly unused: number;
}

const cheaper = (a: Range, b: Range) => (a.growth - b.growth || a.unused - b.unused) < 0;

/**
 * The cheapest range of a slot that is free throughout a lifetime.
 *
 * @param alive  the slot's tenants in that time, from the lowest offset on
 */
function cheapestIn(slot: number, { bytes }: Slot, alive: readonly Tenant[], needed: number) {
  let [offset, unused] = [-1, Number.POSITIVE_INFINITY];
  let free = 0;
  for (const tenant of alive) {
    const gap = tenant.offset - free - needed;
    if (gap >= 0 && gap < unused) [offset, unused] = [free, gap];
    free = Math.max(free, tenant.end);
  }
  const gap = bytes - free - needed;
  if (gap >= 0 && gap < unused) [offset, unused] = [free, gap];
  return offset < 0
    ? { slot, offset: free, growth: -gap, unused: 0 }
    : { slot, offset, growth: 0, unused };
}

/** The cheapest range of all slots that are not barred, or a new slot. */
function cheapest(
  slots: readonly Slot[],
  barred: ReadonlySet<number | undefined>,
  lifetime: Lifetime,
  maxSlotBytes: number,
): Range {
  const needed = aligned(lifetime.bytes);
  // A new slot is taken when another would have to grow by as much.
  let best: Range = { slot: slots.length, offset: 0, growth: needed, unused: 0 };
  for (let i = 0; i < slots.length && best.growth + best.unused > 0; i++) {
    const slot = slots[i]!;
    if (barred.has(i) || (best.growth === 0 && slot.bytes < needed)) continue;
    const range = cheapestIn(i, slot, aliveWith(slot, lifetime), needed);
    if (slot.bytes + range.growth <= maxSlotBytes && cheaper(range, best)) best = range;
  }
  return best;
}

/** Lifetimes in the order in which they were given their ranges, and what came of it. */
interface Placement extends Pick<Layout, "placeOf" | "slotBytes" | "peakBytes"> {
  readonly order: readonly Lifetime[];
  /** Bytes above the least possible that each of them made slots grow by. */
  readonly excess: ReadonlyMap<Lifetime, number>;
}

/** Give every lifetime, in this order, the range that costs the fewest bytes. */
function place(
  order: readonly Lifetime[],
  conflicts: Conflicts,
  maxSlotBytes: number,
  least: number,
): Placement {
  const slots: Slot[] = [];
  const placeOf = new Map<Storage, Place>();
  const excess = new Map<Lifetime, number>();
  let peakBytes = 0;
  for (const lifetime of order) {
    const { storage, bytes, first, last } = lifetime;
    const hostile = [...(conflicts.get(storage) ?? [])];
    const barred = new Set(hostile.map((other) => placeOf.get(other)?.slot));
    const { slot, offset, growth } = cheapest(slots, barred, lifetime, maxSlotBytes);
    if (slot === slots.length) slots.push({ bytes: 0, spans: new Map() });
    slots[slot]!.bytes += growth;
    moveIn(slots[slot]!, { first, last, offset, end: offset + aligned(bytes) });
    placeOf.set(storage, { slot, offset });
    peakBytes += growth;
    const above = Math.min(growth, peakBytes - least);
    if (above > 0) excess.set(lifetime, above);
  }
  return { order, placeOf, slotBytes: slots.map(({ bytes }) => bytes), peakBytes, excess };
}

/** Orders that `place` is tried in first: each is the best of them for some plans. */
const ORDERS: readonly ((a: Lifetime, b: Lifetime) => number)[] = [
  (a, b) => b.bytes - a.bytes || a.first - b.first,
  (a, b) => b.last - a.last || b.bytes - a.bytes,
  (a, b) => b.bytes * (b.last - b.first + 1) - a.bytes * (a.last - a.first + 1),
];

const CLOSE = 1.02; // times the least possible bytes: near enough to look no further
const AGAIN = 8000; // tensors that are placed again, at most; a count, so that plans are repeatable

/**
 * Lay storages out greedily, one after another, and keep the layout of the fewest bytes: of several
 * orders, then of those that follow from the best of them by placing first what has made slots grow
 * beyond the least possible, by the most bytes in all orders so far.
 *
 * @param conflicts     which may not share a slot
 * @param maxSlotBytes  the adapter's largest buffer; no slot of several tensors is larger
 * @see Pisarchyk & Lee 2020, arXiv:2001.03288, "greedy by size"
 * @see Joslin & Clements 1999, arXiv:1105.5454, "squeaky wheel" optimization
 */
export function layOut(
  lifetimes: readonly Lifetime[],
  conflicts: Conflicts,
  maxSlotBytes: number,
): Layout {
  const least = liveBound(lifetimes.map((own) => ({ ...own, bytes: aligned(own.bytes) })));
  const placed = (order: readonly Lifetime[]) => place(order, conflicts, maxSlotBytes, least);
  const smaller = (a: Placement, b: Placement) => (b.peakBytes < a.peakBytes ? b : a);
  const isClose = ({ peakBytes }: Placement) => peakBytes <= CLOSE * least;

  let best = placed([...lifetimes].sort(ORDERS[0]));
  for (const order of ORDERS.slice(1))
    if (!isClose(best)) best = smaller(best, placed([...lifetimes].sort(order)));

  let latest = best;
  const blame = new Map<Lifetime, number>();
  const blamed = (lifetime: Lifetime) => blame.get(lifetime) ?? 0;
  for (let count = 0; count < AGAIN && !isClose(best); count += lifetimes.length) {
    for (const [lifetime, bytes] of latest.excess) blame.set(lifetime, blamed(lifetime) + bytes);
    latest = placed([...latest.order].sort((a, b) => blamed(b) - blamed(a)));
    best = smaller(best, latest);
  }
  const { placeOf, slotBytes, peakBytes } = best;
  return { placeOf, slotBytes, peakBytes, boundBytes: liveBound(lifetimes) };
}

/** A slot for every storage, for runs that must not reuse memory. */
export function layOutApart(lifetimes: readonly Lifetime[]): Layout {
  const placeOf = new Map(lifetimes.map(({ storage }, slot) => [storage, { slot, offset: 0 }]));
  const slotBytes = lifetimes.map(({ bytes }) => bytes);
  const peakBytes = slotBytes.reduce((sum, bytes) => sum + bytes, 0);
  return { placeOf, slotBytes, peakBytes, boundBytes: liveBound(lifetimes) };
}
