/** What measures of a model read, and what they give. */
import type { Device } from "../engine/index.ts";
import type { Embedder, Subjects } from "./evaluate.ts";
import type { Rate } from "./measures.ts";
import type { HeldState } from "./model.ts";
import type { SourceData } from "./source.ts";
import type { Attack } from "./truth.ts";

/** What the measures read. */
export interface Assessed {
  readonly device: Device;
  readonly embedder: Embedder;
  readonly state: HeldState;
  readonly seed: number;
  /** Share of the pool by which it judges pairs; 0 where it does not. */
  readonly judge: number;
  readonly data: Pick<SourceData, "train" | "test" | "classes" | "prompts">;
  readonly subjects: Subjects;
  /** The training data as the model saw it; asked for by detection and audit alone. */
  readonly attacked: () => Attack;
}

/** A measure before it is a row of a table. */
export type Named = readonly [measure: string, value: Rate | number];

/** NaN of no values. */
export const mean = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
