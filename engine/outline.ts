/** What a program takes, known from its graph alone: no device, no memory, nothing compiled. */
import { type Cost, defaults } from "../kernels/kernel.ts";
import { byteLength } from "./device.ts";
import type { Dispatch, Storage, Tensor } from "./graph.ts";
import { foldCasts } from "./halves.ts";
import { conflictsOf, type Lifetime, layOut, lifetimesOf, liveBound } from "./memory.ts";
import { inputsOf, orderDispatches } from "./order.ts";
import { packParams } from "./steps.ts";
import { leaves } from "./tree.ts";

/** What a plan computes. */
export interface Program {
  /** Tensors that can be read after a run, by name. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** New versions of state, as any tree: their updates are carried out. */
  readonly updates?: unknown;
}

/** A program's dispatches in order, and what they need. */
export interface Arranged {
  readonly order: readonly Dispatch[];
  readonly inputs: ReadonlyMap<string, Storage>;
  /** Inputs and constants, which keep a buffer of their own. */
  readonly fixed: readonly Storage[];
  readonly lifetimes: readonly Lifetime[];
}

/**
 * Put a program's dispatches in order.
 *
 * @param half  whether elements of f16 have two bytes (`Device.half`)
 */
export function arrange(program: Program, half: boolean): Arranged {
  const outputs = Object.values(program.outputs);
  const updates = leaves<Tensor>(program.updates ?? {}).map(([, tensor]) => tensor);
  const wanted = [...outputs, ...updates];
  const ordered = orderDispatches(wanted);
  const order = half ? foldCasts(ordered, wanted) : ordered;
  const inputs = inputsOf(order, wanted);
  const touched = [...wanted, ...order.flatMap(({ reads }) => Object.values(reads))];
  const constants = touched.map((t) => t.storage).filter(({ kind }) => kind === "constant");
  const fixed = [...new Set([...inputs.values(), ...constants])];
  return { order, inputs, fixed, lifetimes: lifetimesOf(order, outputs, half) };
}

/** What a program takes. */
export interface Outline {
  /** Arithmetic and memory traffic of each dispatch, by the kernel's default constants. */
  readonly costs: readonly Cost[];
  readonly flops: number;
  /** The least bytes that any layout of the slots could need. */
  readonly boundBytes: number;
  /** Bytes of inputs, constants and parameters of dispatches. */
  readonly fixedBytes: number;
  /** Lays memory out as a plan does, which takes a while for many dispatches; bytes. */
  readonly peakBytes: () => number;
}

/** A dispatch's arithmetic and memory traffic. */
export function costOf(
  { kernel, params }: Dispatch,
  consts: Readonly<Record<string, number>>,
): Cost {
  return kernel.cost({ ...params, ...consts } as never);
}

/** The limits that memory is laid out for; without them, as if a buffer could be of any size. */
export interface Limits {
  /** Whether elements of f16 have two bytes; true when left out. */
  readonly half?: boolean;
  /** Bytes of the largest buffer. */
  readonly maxBufferSize?: number;
}

/** Outline a program: its arithmetic counted, its memory laid out, nothing allocated. */
export function outline(program: Program, limits: Limits = {}): Outline {
  const { half = true, maxBufferSize = Number.POSITIVE_INFINITY } = limits;
  const { order, fixed, lifetimes } = arrange(program, half);
  const costs = order.map((dispatch) => {
    const { kernel, params, options } = dispatch;
    const fitted = kernel.fit?.(params as never);
    return costOf(dispatch, { ...defaults(kernel), ...fitted, ...options });
  });
  return {
    costs,
    flops: costs.reduce((sum, { flops }) => sum + flops, 0),
    boundBytes: liveBound(lifetimes),
    fixedBytes: fixed.reduce(
      (sum, storage) => sum + byteLength(storage, half),
      packParams(order).data.byteLength,
    ),
    peakBytes: () => layOut(lifetimes, conflictsOf(order), maxBufferSize).peakBytes,
  };
}
