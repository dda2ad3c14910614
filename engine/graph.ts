/**
 * The graph that ops build: tensors, the storage they name, and the dispatches that write it.
 *
 * A Tensor never holds data. It is one *version* of a storage: written by a dispatch, uploaded with
 * each run (input), built into the plan (constant), or living between runs (state). A dispatch with
 * an `update` binding makes a new version of the same storage in place.
 */
import {
  type Access,
  type AnyKernel,
  type Kernel,
  type ParamType,
  WORD_BYTES,
} from "../kernels/kernel.ts";

/**
 * Element types. f32 for all arithmetic; u32 for indices, token ids and packed bytes; f16 for
 * operands that need no more, made by `cast` within a plan. Cotangents are f32 of any of them.
 */
export type Dtype = HostDtype | "f16";

/** Element types of what goes up to and comes back from the device. */
export type HostDtype = "f32" | "u32";

/** Host data of a tensor. */
export type HostData = Float32Array | Uint32Array;

/** A shape with its data on the host: what goes up to and comes back from the device. */
export interface HostArray {
  readonly shape: readonly number[];
  readonly data: HostData;
  /** Said where the data is not there before it is read. */
  readonly dtype?: HostDtype;
}

/** What a tensor's elements are kept in. */
export interface Storage {
  /** `slot`: written and read within one run; the planner decides where it lies. */
  readonly kind: "slot" | "input" | "constant" | "state";
  readonly label: string;
  readonly dtype: Dtype;
  readonly elements: number;
  /** Constants only. */
  readonly data?: HostData;
  /** State that shares a buffer with others (`hold`): which, and the element it begins at. */
  readonly within?: { readonly buffer: SharedBuffer; readonly first: number };
}

/** A buffer that several tensors of f32 state lie in, one after another. */
export interface SharedBuffer {
  readonly label: string;
  readonly elements: number;
}

/** How the cotangent of a tensor returns to the tensors it was made from. */
export interface Gradient {
  readonly parents: Readonly<Record<string, Tensor | undefined>>;
  readonly backward: (dy: Tensor) => Readonly<Record<string, Tensor | undefined>>;
}

/** One version of a storage, seen with a shape. */
export interface Tensor {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly storage: Storage;
  /** The dispatch that wrote this version; absent for inputs, constants and fresh state. */
  readonly producer?: Dispatch;
  readonly gradient?: Gradient;
}

/** One launch of a kernel. */
export interface Dispatch {
  /** Creation order, which is a valid order of execution. */
  readonly id: number;
  readonly kernel: AnyKernel;
  readonly params: Readonly<Record<string, number>>;
  /** Constants that the op fixed (`Kernel.options`). */
  readonly options: Readonly<Record<string, number>>;
  /** What each binding reads or updates; further tensors that one covers by names of their own. */
  readonly reads: Readonly<Record<string, Tensor>>;
  /** What each `write` or `update` binding makes; what is updated is in `reads` as well. */
  readonly writes: Readonly<Record<string, Tensor>>;
  /** Bytes that are bound, from a tensor's begin, where that is not the whole tensor alone. */
  readonly ranges?: Readonly<Record<string, { readonly offset: number; readonly size: number }>>;
}

let created = 0;
const nextId = () => created++;

/** The number of elements of a shape. */
export function product(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

function make(shape: readonly number[], storage: Storage, producer?: Dispatch): Tensor {
  return {
    id: nextId(),
    shape: [...shape],
    dtype: storage.dtype,
    storage,
    ...(producer && { producer }),
  };
}

/**
 * A tensor that is given with every run, by name.
 *
 * @param name   the key in `plan.run({ [name]: data })`
 * @param shape  its dimensions
 */
export function input(name: string, shape: readonly number[], dtype: HostDtype = "f32"): Tensor {
  return make(shape, { kind: "input", label: name, dtype, elements: product(shape) });
}

/** A tensor whose data is uploaded once, when a plan is built. */
export function constant(data: HostData, shape: readonly number[] = [data.length]): Tensor {
  const dtype = data instanceof Float32Array ? "f32" : "u32";
  if (data.length !== product(shape))
    throw new Error(
      `constant: data must have one element per place of [${shape}] (${product(shape)}); ` +
        `${data.length} were given; pass the shape that the data has`,
    );
  return make(shape, { kind: "constant", label: "constant", dtype, elements: data.length, data });
}

/** A tensor that lives between runs; `hold` (held.ts) gives it a buffer. */
export function state(
  label: string,
  shape: readonly number[],
  dtype: HostDtype = "f32",
  within?: Storage["within"],
): Tensor {
  const elements = product(shape);
  return make(shape, { kind: "state", label, dtype, elements, ...(within && { within }) });
}

/** A tensor with no content yet, for launches that `update` parts of it. */
export function blank(label: string, shape: readonly number[]): Tensor {
  return make(shape, { kind: "slot", label, dtype: "f32", elements: product(shape) });
}

/** The same version of the same storage with another shape; no dispatch, no copy. */
export function view(x: Tensor, shape: readonly number[]): Tensor {
  return make(shape, x.storage, x.producer);
}

type NamesOf<B, A extends Access> = { [K in keyof B]: B[K] extends A ? K : never }[keyof B] &
  string;
/** The shape of a `write` binding, or its shape and element type where that is not f32. */
type OutputShape = readonly number[] | { readonly shape: readonly number[]; readonly dtype: Dtype };

/**
 * Launch a kernel: one dispatch in the graph.
 *
 * @param kernel   the record
 * @param params   a number for each field of its `struct Params`
 * @param inputs   a tensor for each `read` and each `update` binding
 * @param outputs  a shape for each `write` binding
 * @param options  constants the op chooses; the record's first choice where left out
 * @returns        a tensor for each `write` and each `update` binding
 */
export function launch<
  B extends Record<string, Access>,
  P extends Record<string, ParamType>,
  C extends Record<string, readonly number[]>,
  O extends Record<string, readonly number[]>,
>(
  kernel: Kernel<B, P, C, O>,
  params: { readonly [K in keyof P]: number },
  inputs: { readonly [K in NamesOf<B, "read" | "update">]: Tensor },
  outputs: { readonly [K in NamesOf<B, "write">]: OutputShape },
  options: { readonly [K in keyof O]?: number } = {},
): { readonly [K in NamesOf<B, "write" | "update">]: Tensor } {
  const writes: Record<string, Tensor> = {};
  const dispatch: Dispatch = {
    id: nextId(),
    kernel,
    params,
    options: options as Record<string, number>,
    reads: inputs as Record<string, Tensor>,
    writes,
  };
  const given = outputs as Record<string, OutputShape>;
  for (const [name, access] of Object.entries(kernel.bindings)) {
    if (access === "update") {
      const old = dispatch.reads[name] as Tensor;
      writes[name] = make(old.shape, old.storage, dispatch);
    } else if (access === "write") {
      const output = given[name] as OutputShape;
      const { shape, dtype } =
        "dtype" in output ? output : ({ shape: output, dtype: "f32" } as const);
      const label = `${kernel.name}.${name}`;
      const storage: Storage = { kind: "slot", label, dtype, elements: product(shape) };
      writes[name] = make(shape, storage, dispatch);
    }
  }
  return writes as { [K in NamesOf<B, "write" | "update">]: Tensor };
}

/**
 * Launch a kernel whose `update` bindings cover several tensors each, which lie in one buffer.
 *
 * @param reads    a tensor for each `read` binding
 * @param updates  tensors for each `update` binding, in the order in which they lie
 * @returns        the new versions of what each `update` binding covers
 */
export function launchOver<
  B extends Record<string, "read" | "update">,
  P extends Record<string, ParamType>,
  C extends Record<string, readonly number[]>,
  O extends Record<string, readonly number[]>,
>(
  kernel: Kernel<B, P, C, O>,
  params: { readonly [K in keyof P]: number },
  reads: { readonly [K in NamesOf<B, "read">]: Tensor },
  updates: { readonly [K in NamesOf<B, "update">]: readonly Tensor[] },
  options: { readonly [K in keyof O]?: number } = {},
): { readonly [K in NamesOf<B, "update">]: readonly Tensor[] } {
  const covered = Object.entries<readonly Tensor[]>(updates);
  const nameOf = (binding: string, i: number) => (i === 0 ? binding : `${binding} + ${i}`);
  const old = covered.flatMap(([binding, tensors]) =>
    tensors.map((tensor, i) => [nameOf(binding, i), tensor] as const),
  );
  const writes: Record<string, Tensor> = {};
  const dispatch: Dispatch = {
    id: nextId(),
    kernel,
    params,
    options: options as Record<string, number>,
    reads: { ...(reads as Record<string, Tensor>), ...Object.fromEntries(old) },
    writes,
    ranges: Object.fromEntries(
      covered.map(([binding, tensors]) => [binding, { offset: 0, size: spanOf(tensors) }]),
    ),
  };
  for (const [name, tensor] of old) writes[name] = make(tensor.shape, tensor.storage, dispatch);
  const made = covered.map(([binding, tensors]) => [
    binding,
    tensors.map((_, i) => writes[nameOf(binding, i)]),
  ]);
  return Object.fromEntries(made);
}

/** Bytes from the first of several f32 tensors in one buffer to the end of the last. */
function spanOf(tensors: readonly Tensor[]): number {
  const last = tensors.at(-1)!.storage;
  return WORD_BYTES * (apart(tensors[0]!, tensors.at(-1)!)! + last.elements);
}

/** Elements from where one tensor begins to where another does; undefined in different buffers. */
export function apart({ storage: a }: Tensor, { storage: b }: Tensor): number | undefined {
  if (a === b) return 0;
  return a.within && a.within.buffer === b.within?.buffer
    ? b.within.first - a.within.first
    : undefined;
}

/**
 * `y`, knowing how its cotangent returns to `parents`.
 *
 * @param y         what an op made
 * @param parents   the tensors it is differentiable in (an absent optional operand is undefined)
 * @param backward  dy → the cotangent of every parent, each with its parent's shape
 */
export function withGrad<K extends string>(
  y: Tensor,
  parents: Readonly<Record<K, Tensor | undefined>>,
  backward: (dy: Tensor) => Readonly<Record<K, Tensor | undefined>>,
): Tensor {
  return { ...y, id: nextId(), gradient: { parents, backward } };
}

/** `x` as a value: no gradient flows through it. */
export function stopGradient(x: Tensor): Tensor {
  const { gradient: _, ...value } = x;
  return { ...value, id: nextId() };
}
