/**
 * A case is an op's definition: what it computes in float64, on which shapes, how exactly. The
 * tests (`ops*.test.ts`, `contracts.test.ts`) and the benchmark derive everything else from it.
 */

import { type HostData, product, state, type Tensor } from "../engine/graph.ts";
import { fold, keyOf, type Stream, stream } from "../engine/random.ts";

/** A shape with float64 data: what a reference computes with. */
export interface Array64 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** A shape for every operand. */
export type Shapes<Names extends string> = Readonly<Record<Names, readonly number[]>>;

/** How far a result may be from the reference. */
export interface Tolerance {
  /** Largest |error|, relative to the largest magnitude of the tensor it is in. */
  readonly relative: number;
  /** The same for gradients, where it differs. */
  readonly gradient?: number;
  /** Why this much and no less. */
  readonly why: string;
}

/** The definition of an op. */
export interface Case<Names extends string = string> {
  /** The op on tensors; one result or several by name. */
  readonly run: (operands: Readonly<Record<Names, Tensor>>) => Tensor | Record<string, Tensor>;
  /** The same in float64 with plain loops; results in the shape of `run`'s. */
  readonly reference: (
    operands: Readonly<Record<Names, Array64>>,
  ) => Array64 | Readonly<Record<string, Array64>>;
  readonly shapes: readonly Shapes<Names>[];
  /** Shapes that must be refused with a ShapeError. */
  readonly rejects?: readonly Shapes<Names>[];
  readonly tolerance: Tolerance;
  /** Operands to differentiate by; all f32 operands when left out, none with []. */
  readonly differentiable?: readonly Names[];
  /** Data of an operand that is not standard normal f32; u32 data makes it a u32 operand. */
  readonly data?: Partial<
    Record<Names, (shape: readonly number[], draws: Stream, shapes: Shapes<Names>) => HostData>
  >;
  /** Shapes to benchmark, by a name that says where they come from. */
  readonly bench?: Readonly<Record<string, Shapes<Names>>>;
}

/** State a case with its operands' names as types. */
export function defineCase<Names extends string>(definition: Case<Names>): Case<Names> {
  return definition;
}

/** A float64 array filled by a function of the flat index. */
export function array64(shape: readonly number[], value: (i: number) => number = () => 0): Array64 {
  return { shape, data: Float64Array.from({ length: product(shape) }, (_, i) => value(i)) };
}

// Every operand of every case is drawn from this seed, its name's place and its shape
const SEED = 20_231;

const normal = (shape: readonly number[], draws: Stream): HostData =>
  Float32Array.from({ length: product(shape) }, () => draws.normal());

/** The host data of a case's operands for one choice of shapes; always the same. */
export function operandData<Names extends string>(
  definition: Case<Names>,
  shapes: Shapes<Names>,
): Record<Names, HostData> {
  const entries = Object.entries(shapes).map(([name, shape], place) => {
    const draws = stream(fold(fold(keyOf(SEED), place), product(shape as number[])));
    const make = definition.data?.[name as Names] ?? normal;
    return [name, make(shape as number[], draws, shapes)];
  });
  return Object.fromEntries(entries);
}

/**
 * Tensors for a case's operands: state (which a device must hold, or nobody, to look at a graph).
 */
export function operandTensors<Names extends string>(
  definition: Case<Names>,
  shapes: Shapes<Names>,
): Record<Names, Tensor> {
  const data = operandData(definition, shapes);
  const entries = Object.entries(shapes).map(([name, shape]) => {
    const dtype = data[name as Names] instanceof Float32Array ? "f32" : "u32";
    return [name, state(name, shape as number[], dtype)];
  });
  return Object.fromEntries(entries);
}

/** The operands that a case differentiates by. */
export function differentiable<Names extends string>(
  definition: Case<Names>,
  operands: Readonly<Record<Names, Tensor>>,
): Names[] {
  if (definition.differentiable) return [...definition.differentiable];
  const names = Object.keys(operands) as Names[];
  return names.filter((name) => operands[name].dtype === "f32");
}

/** What `run` or `reference` returned, as a record; a single result is called "y". */
export function named<T extends { readonly shape: readonly number[] }>(
  result: T | Readonly<Record<string, T>>,
): Readonly<Record<string, T>> {
  return Array.isArray(result.shape) ? { y: result as T } : (result as Readonly<Record<string, T>>);
}
