/** Which dispatches a plan needs, in which order, and that in-place updates do not lose a value. */
import type { Dispatch, Storage, Tensor } from "./graph.ts";

/**
 * The dispatches that `wanted` depend on, in execution order (the order of creation).
 *
 * @throws  Error when a dispatch reads a version of a state that another has already overwritten
 */
export function orderDispatches(wanted: readonly Tensor[]): Dispatch[] {
  const needed = new Set<Dispatch>();
  const stack = [...wanted];
  while (stack.length > 0) {
    const { producer } = stack.pop()!;
    if (!producer || needed.has(producer)) continue;
    needed.add(producer);
    stack.push(...Object.values(producer.reads));
  }
  const order = [...needed].sort((a, b) => a.id - b.id);
  checkVersions(order, wanted);
  return order;
}

function checkVersions(order: readonly Dispatch[], wanted: readonly Tensor[]): void {
  const updatedBy = new Map<Storage, Dispatch>();
  const check = ({ storage, producer }: Tensor, reader: string) => {
    const latest = updatedBy.get(storage);
    if (latest && latest !== producer)
      throw new Error(
        `plan: a reader of ${storage.label} must come before it is updated in place; ` +
          `${reader} reads it after ${latest.kernel.name}; use the tensor that the update returned`,
      );
  };
  for (const dispatch of order) {
    for (const tensor of Object.values(dispatch.reads)) check(tensor, dispatch.kernel.name);
    for (const [name, tensor] of Object.entries(dispatch.writes))
      if (name in dispatch.reads) updatedBy.set(tensor.storage, dispatch);
  }
  for (const tensor of wanted) check(tensor, "the plan's output");
}

/** Every input tensor that the dispatches or the wanted tensors read, by name. */
export function inputsOf(
  order: readonly Dispatch[],
  wanted: readonly Tensor[],
): ReadonlyMap<string, Storage> {
  const read = [...wanted, ...order.flatMap(({ reads }) => Object.values(reads))];
  const inputs = new Map<string, Storage>();
  for (const { storage } of read) {
    if (storage.kind !== "input") continue;
    const other = inputs.get(storage.label);
    if (other && other !== storage)
      throw new Error(
        `plan: an input's name must be unique; two inputs are called ${storage.label}; rename one`,
      );
    inputs.set(storage.label, storage);
  }
  return inputs;
}
