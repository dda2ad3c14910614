/** What every engine is asked to do: one op at one shape, written once for each of them. */
import type { HostArray, HostData, Tensor } from "../../engine/graph.ts";
import type { Sharing } from "../../engine/held.ts";
import type { Program } from "../../engine/plan.ts";
import type { Jax, JaxArray } from "./engines/jaxTypes.ts";
import type { OnnxModel } from "./engines/onnx.ts";
import type { Tf, TfTensor } from "./engines/tfjsTypes.ts";

/** Why an engine cannot do a job. */
export interface Cannot {
  readonly cannot: string;
}

/** Things by the names of a job's operands and results. */
export type Named<T> = Readonly<Record<string, T>>;

/** Apply `f` to each. */
export function mapNamed<T, U>(things: Named<T>, f: (thing: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(things).map(([name, thing]) => [name, f(thing)]));
}

/** Entries of a result as they must be, computed in float64. */
export interface Expected {
  readonly name: string;
  /** Flat indices. */
  readonly at: readonly number[];
  readonly values: readonly number[];
}

/**
 * An op at one shape. The operands lie on the device before any time is taken. Where a peer's
 * result has the name of an operand, it is that operand in the next run: state that goes on.
 */
export interface Job {
  readonly op: string;
  readonly shape: string;
  readonly operands: () => Named<HostArray>;
  readonly own: (operands: Named<Tensor>) => Program;
  /** Which operands share a buffer on our engine; none when left out. */
  readonly sharing?: Sharing;
  readonly tfjs: (tf: Tf, operands: Named<TfTensor>) => Named<TfTensor>;
  readonly jax: (jax: Jax, operands: Named<JaxArray>) => Named<JaxArray>;
  /** fused: whether ONNX Runtime's fused attention is right on its device. */
  readonly ort: ((operands: Named<HostArray>, fused: boolean) => OnnxModel) | Cannot;
  /** Sampled entries of results; left out where a peer must agree with our own engine instead. */
  readonly expected?: (operands: Named<HostArray>) => readonly Expected[];
  /** Runs whose results are compared, one after the other; 1 when left out. */
  readonly compared?: number;
  /** Largest error of an entry, relative to the largest magnitude among its result's samples. */
  readonly tolerance: number;
}

/** A job made ready on one engine. */
export interface Runner {
  /** Run once and wait for the device; ms from the call to the end of the wait. */
  readonly run: () => Promise<number>;
  /** Run once and read the results. */
  readonly results: () => Promise<Named<HostData>>;
  readonly close: () => void;
}

/** How the end of a run is noticed: the queue says so, or a little of the result has been read. */
export type Wait = "queue" | "read";

/** An engine beside ours. */
export interface Peer {
  readonly name: string;
  readonly wait: Wait;
  /** Which jobs it is made for; all when left out. */
  readonly takes?: (job: Job) => boolean;
  /** It is in the table and not in the summary. */
  readonly forTheRecord?: boolean;
  readonly prepare: (job: Job, operands: Named<HostArray>) => Promise<Runner | Cannot>;
  readonly close: () => void;
}

/** The time of some work; ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
