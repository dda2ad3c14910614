/** What a run compiles: steps of each kind, and batches of pairs into its pools. */
import { input, type Program } from "../engine/index.ts";
import { batchInputs } from "./inputs.ts";
import type { Captions } from "./match.ts";
import type { HeldState } from "./model.ts";
import { fillPools, reencodePools } from "./pool.ts";
import { KINDS, type StepKind, stepKinds } from "./schedule.ts";
import type { Config } from "./schema.ts";
import { trainingStep } from "./step.ts";

/** A step of a kind, pairs into what is empty of the pools, or rows of the pools encoded anew. */
export type PlanKind = StepKind | "fill" | "reencode";

/** The tensors that a run's programs read and update. */
interface Held {
  readonly config: Config;
  readonly state: HeldState;
  readonly captions?: Captions | undefined;
}

/** One of a run's programs. */
export function programOf(kind: PlanKind, { config, state, captions }: Held): Program {
  if (kind === "fill")
    return { outputs: {}, updates: fillPools(config, state, batchInputs(config, "plain")) };
  if (kind === "reencode") {
    const batch = batchInputs(config, "plain");
    const updates = reencodePools(config, state, batch, input("at", [2], "u32"));
    return { outputs: {}, updates };
  }
  const batch = batchInputs(config, kind, captions);
  const { state: updates, loss } = trainingStep(config, state, batch, kind);
  return { outputs: { loss }, updates };
}

/** The programs that a run has. */
export function planKinds(config: Config): PlanKind[] {
  const steps = stepKinds(config);
  const matches = steps.includes("matching");
  return [
    ...steps,
    ...(matches || steps.includes("unimodal") ? (["fill"] as const) : []),
    ...(matches && config.roclip.reencodeEvery > 0 ? (["reencode"] as const) : []),
  ];
}

/**
 * Whether two programs are needed in turns, so that both stay in memory: steps of one epoch, and
 * what encodes the pool anew beside the steps that search it.
 */
export function inTurns(a: PlanKind, b: PlanKind): boolean {
  const both = [a, b];
  if (both.includes("reencode")) return both.every((k) => k === "reencode" || k === "matching");
  return Object.values(KINDS).some((kinds) => both.every((k) => kinds.includes(k as StepKind)));
}
