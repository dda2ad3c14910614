/** Reverse-mode differentiation of a graph: the backward dispatches are built, nothing is run. */
import { constant, type Tensor } from "./graph.ts";
import { add } from "./ops/add.ts";
import { leaves, type Mapped, mapTree } from "./tree.ts";

/** Every tensor that `from` was made from through gradients, newest first. */
function ancestors(from: readonly Tensor[]): Tensor[] {
  const found = new Set<Tensor>();
  const stack = [...from];
  while (stack.length > 0) {
    const tensor = stack.pop()!;
    if (found.has(tensor)) continue;
    found.add(tensor);
    for (const parent of Object.values(tensor.gradient?.parents ?? {}))
      if (parent) stack.push(parent);
  }
  return [...found].sort((a, b) => b.id - a.id);
}

/** The tensors on a path from `wrt` to what was made of them: the only ones worth a cotangent. */
function dependents(order: readonly Tensor[], wrt: ReadonlySet<Tensor>): ReadonlySet<Tensor> {
  const found = new Set<Tensor>();
  for (const tensor of [...order].reverse()) {
    const parents = Object.values(tensor.gradient?.parents ?? {});
    if (wrt.has(tensor) || parents.some((p) => p && found.has(p))) found.add(tensor);
  }
  return found;
}

/**
 * Vector–Jacobian product: cotangents of `wrt`, given those of some outputs.
 *
 * @param outputs  pairs of a tensor and its cotangent, of the same shape
 * @param wrt      tensors to differentiate by
 * @returns        for each of `wrt` its cotangent; undefined where the outputs do not depend on it
 */
export function vjp(
  outputs: readonly (readonly [Tensor, Tensor])[],
  wrt: readonly Tensor[],
): (Tensor | undefined)[] {
  const order = ancestors(outputs.map(([y]) => y));
  const useful = dependents(order, new Set(wrt));
  const cotangents = new Map<Tensor, Tensor>();
  const accumulate = (tensor: Tensor, dy: Tensor) => {
    const sum = cotangents.get(tensor);
    cotangents.set(tensor, sum ? add(sum, dy) : dy);
  };
  for (const [y, dy] of outputs) accumulate(y, dy);
  for (const tensor of order) {
    const dy = cotangents.get(tensor);
    if (!dy || !tensor.gradient || !useful.has(tensor)) continue;
    const { parents, backward } = tensor.gradient;
    const returned = backward(dy);
    for (const [name, parent] of Object.entries(parents)) {
      const dx = returned[name];
      if (parent && dx && useful.has(parent)) accumulate(parent, dx);
    }
  }
  return wrt.map((tensor) => cotangents.get(tensor));
}

/**
 * Gradients of a scalar.
 *
 * @param loss    f32[]
 * @param params  a tree of tensors
 * @returns       the same tree of ∂loss/∂tensor
 * @throws        Error when the loss does not depend on one of them, by its path
 */
export function grad<T>(loss: Tensor, params: T): Mapped<T, Tensor, Tensor> {
  if (loss.shape.length > 0)
    throw new Error(
      `grad: the loss must be a scalar, f32[]; it is f32[${loss.shape}]; reduce it first`,
    );
  const wrt = leaves<Tensor>(params).map(([, tensor]) => tensor);
  const gradients = vjp([[loss, constant(Float32Array.of(1), [])]], wrt);
  const byTensor = new Map(wrt.map((tensor, i) => [tensor, gradients[i]]));
  return mapTree(params, (tensor: Tensor, path) => {
    const gradient = byTensor.get(tensor);
    if (gradient) return gradient;
    throw new Error(
      `grad: the loss must depend on every parameter; it does not on ${path}; ` +
        "leave it out or stop its gradient on purpose",
    );
  });
}
