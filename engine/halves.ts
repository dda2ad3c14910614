/**
 * Casts that need no pass over memory: where the kernels beside a cast can read or write f16, they
 * do so themselves, and what was f32 between them is never stored. The bits are the same.
 */
import { toF16, toF32 } from "../kernels/cast/cast.ts";
import { HALF_BITS } from "../kernels/kernel.ts";
import type { Dispatch, Storage, Tensor } from "./graph.ts";

/** The option by which a kernel has f16 at a binding. */
const optionOf = (binding: string) => `ELEMENT_${binding.toUpperCase()}`;

/** Whether an option is one of those. */
export const isHalving = (option: string): boolean => option.startsWith(optionOf(""));

const canHalve = ({ kernel }: Dispatch, binding: string) => optionOf(binding) in kernel.options;

/** A binding of a dispatch that reads a storage. */
interface Use {
  readonly by: Dispatch;
  readonly binding: string;
}

function usesOf(order: readonly Dispatch[]): Map<Storage, Use[]> {
  const uses = new Map<Storage, Use[]>();
  for (const by of order)
    for (const [binding, { storage }] of Object.entries(by.reads)) {
      const known = uses.get(storage);
      if (known) known.push({ by, binding });
      else uses.set(storage, [{ by, binding }]);
    }
  return uses;
}

/** What is read or written instead of which storage, where its neighbours can do a cast's work. */
function takenOver(
  { kernel, reads, writes }: Dispatch,
  uses: ReadonlyMap<Storage, readonly Use[]>,
  wanted: ReadonlySet<Storage>,
): readonly (readonly [Storage, Storage])[] {
  const [x, y] = [reads.x!, writes.y!];
  if (kernel === toF32) {
    const able = uses.get(y.storage)?.every(({ by, binding }) => canHalve(by, binding));
    return able && !wanted.has(y.storage) ? [[y.storage, x.storage]] : [];
  }
  const { producer, storage } = x;
  const made = Object.entries(producer?.writes ?? {}).find(([, made]) => made.storage === storage);
  const alone = uses.get(storage)!.length === 1 && !wanted.has(storage);
  if (!producer || !made || !alone || !canHalve(producer, made[0])) return [];
  const half: Storage = { ...storage, dtype: "f16" };
  return [
    [storage, half],
    [y.storage, half],
  ];
}

/** A dispatch that reads and writes other storages, in their element types. */
function moved(dispatch: Dispatch, instead: ReadonlyMap<Storage, Storage>): Dispatch {
  const options: Record<string, number> = {};
  const move = (tensors: Dispatch["reads"]) => {
    const entries = Object.entries(tensors).map(([binding, tensor]): [string, Tensor] => {
      let { storage } = tensor;
      while (instead.has(storage)) storage = instead.get(storage)!;
      if (storage === tensor.storage) return [binding, tensor];
      if (canHalve(dispatch, binding)) options[optionOf(binding)] = HALF_BITS;
      return [binding, { ...tensor, dtype: storage.dtype, storage }];
    });
    return Object.fromEntries(entries);
  };
  const [reads, writes] = [move(dispatch.reads), move(dispatch.writes)];
  return { ...dispatch, reads, writes, options: { ...dispatch.options, ...options } };
}

/**
 * The dispatches without the casts that others can take over: to f32 where all readers can read
 * f16, to f16 where nobody else reads what was rounded and its writer can write f16.
 *
 * @param order   in execution order
 * @param wanted  what is read after a run
 */
export function foldCasts(order: readonly Dispatch[], wanted: readonly Tensor[]): Dispatch[] {
  const uses = usesOf(order);
  const kept = new Set(wanted.map(({ storage }) => storage));
  const instead = new Map<Storage, Storage>();
  const folded = new Set<Dispatch>();
  for (const cast of order.filter(({ kernel }) => kernel === toF32 || kernel === toF16)) {
    const storages = takenOver(cast, uses, kept);
    for (const [storage, other] of storages) instead.set(storage, other);
    if (storages.length > 0) folded.add(cast);
  }
  return order
    .filter((dispatch) => !folded.has(dispatch))
    .map((dispatch) => moved(dispatch, instead));
}
