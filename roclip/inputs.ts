/** The inputs of a step: named in its graph, and their data by those names. */
import { type HostData, input, type Plan } from "../engine/index.ts";
import { DRAWS } from "./augment.ts";
import { VIEWS } from "./baselines/views.ts";
import { type HostBatch, imageWords } from "./batches.ts";
import type { Part } from "./embed.ts";
import type { Captions } from "./match.ts";
import type { StepKind } from "./schedule.ts";
import type { Config } from "./schema.ts";
import type { Batch } from "./step.ts";

/**
 * The inputs of a step, for a configuration.
 *
 * @param kind      of step
 * @param captions  where steps encode matched captions anew
 */
export function batchInputs(config: Config, kind: StepKind, captions?: Captions): Batch {
  const { batch, microBatch } = config;
  const rows = VIEWS[kind].length * batch;
  const count = microBatch > 0 ? rows / microBatch : 1;
  const [head, ...others] = Array.from({ length: count }, (_, i) =>
    partInputs(config, rows / count, count > 1 ? `.${i}` : ""),
  );
  return {
    parts: [head!, ...others],
    pairs: input("pairs", [batch], "u32"),
    schedule: input("schedule", [3]),
    textSchedule: input("textSchedule", [3]),
    averageRate: input("averageRate", [1]),
    ...(captions && { captions }),
  };
}

/** The inputs of a part of `rows` pairs, whose names have an ending of their own. */
function partInputs({ imageSize, contextLength }: Config, rows: number, ending: string): Part {
  return {
    images: input(`images${ending}`, [rows, imageWords(imageSize)], "u32"),
    draws: input(`draws${ending}`, [rows, DRAWS]),
    tokens: input(`tokens${ending}`, [rows, contextLength], "u32"),
    ends: input(`ends${ending}`, [rows], "u32"),
  };
}

/** A batch, of which all but the captions may be left out where a plan does not read it. */
type HostPairs = Pick<HostBatch, "tokens" | "ends"> & Partial<HostBatch>;

/**
 * The inputs of a batch that a plan reads: plain CLIP has no use for the numbers of the pairs, and
 * a plan of micro-batches reads `images.0`, `images.1` and so on, equal shares of the batch's rows.
 */
export function inputsFor(plan: Plan, batch: HostPairs): Record<string, HostData> {
  const shares = plan.inputs.filter((input) => input.startsWith("tokens.")).length;
  const entries = plan.inputs.flatMap((input) => {
    const [name, share] = input.split(".") as [keyof HostPairs, string?];
    const data = batch[name];
    if (data === undefined) return [];
    return [[input, share === undefined ? data : shareOf(batch, name, Number(share), shares)]];
  });
  return Object.fromEntries(entries);
}

/** One of equal shares of a batch's rows. */
function shareOf(batch: HostPairs, name: keyof HostPairs, share: number, shares: number): HostData {
  const data = batch[name]!;
  const [first, end] = [share, share + 1].map((at) => (at * data.length) / shares);
  const rows = data.subarray(first, end);
  // The places of the ends are counted from the first token of the micro-batch.
  const tokensBefore = (share * batch.tokens.length) / shares;
  return name === "ends" ? rows.map((place) => place - tokensBefore) : rows;
}
