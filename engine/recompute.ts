/** Computing activations again instead of keeping them: arithmetic for memory. */

import { vjp } from "./grad.ts";
import { stopGradient, type Tensor, withGrad } from "./graph.ts";
import { leaves, type Mapped, mapTree } from "./tree.ts";

/**
 * What `f` makes of `inputs`, keeping none of what it made in between: when its gradient is taken,
 * `f` is traced again, and the gradient is that of the second trace. Both have the same bits.
 *
 * @param f       pure: a gradient returns only to `inputs`, and to none of the tensors that it
 *                closes over; `again` says that this is the second trace
 * @param inputs  a tree of tensors
 * @see           Chen et al. 2016, arXiv:1604.06174, §3
 */
export function recompute<T>(f: (inputs: T, again: boolean) => Tensor, inputs: T): Tensor {
  const parents = Object.fromEntries(leaves<Tensor>(inputs));
  const y = stopGradient(f(inputs, false));
  return withGrad(y, parents, (dy) => {
    const values = mapTree(inputs, (tensor: Tensor) => stopGradient(tensor)) as Mapped<
      T,
      Tensor,
      Tensor
    >;
    const found = leaves<Tensor>(values);
    const wrt = found.map(([, tensor]) => tensor);
    const cotangents = vjp([[f(values as T, true), dy]], wrt);
    return Object.fromEntries(found.map(([path], i) => [path, cotangents[i]]));
  });
}
