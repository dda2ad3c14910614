/** How long a run will take here: measured on its own steps, not guessed. */
import type { Plan } from "../engine/index.ts";
import { createBatches } from "./batches.ts";
import { fillPoolsFromData } from "./fillPools.ts";
import { inputsFor } from "./inputs.ts";
import { everMatches, type StepKind } from "./schedule.ts";
import { beginSession, type SessionOptions } from "./session.ts";

const WARM_UP_STEPS = 2; // the first runs of a pipeline include its compilation
const ROUNDS = 3; // the fastest counts: other work on the machine only ever adds time
const ROUND_MS = 800; // of each kind of step
const LEAST_STEPS = 2;

/** Seconds of one epoch of each kind. */
export interface EpochTimes {
  readonly plain: number;
  readonly matching: number;
}

/** Measure some steps of each kind, in turns, on a state of their own. */
export async function forecastEpochs(
  options: Omit<SessionOptions, "folder" | "resume">,
): Promise<EpochTimes> {
  const { config, train, tokenizer } = options;
  const session = await beginSession({ ...options, folder: "" });
  const batchAt = createBatches(config, train, tokenizer);
  const run = async (plan: Plan, step: number) => {
    plan.run(inputsFor(plan, batchAt(1, step % session.stepsInEpoch)));
    await plan.read("loss");
  };
  const time = async (kind: StepKind): Promise<number> => {
    const plan = await session.plan(kind);
    for (let step = 0; step < WARM_UP_STEPS; step++) await run(plan, step);
    const begun = performance.now();
    let steps = 0;
    while (steps < LEAST_STEPS || performance.now() - begun < ROUND_MS) await run(plan, steps++);
    return ((performance.now() - begun) / 1000 / steps) * session.stepsInEpoch;
  };

  const matches = everMatches(config);
  if (matches) await fillPoolsFromData(session, 0);
  const best = { plain: Number.POSITIVE_INFINITY, matching: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    best.plain = Math.min(best.plain, await time("plain"));
    best.matching = matches ? Math.min(best.matching, await time("matching")) : best.plain;
  }
  session.release();
  return best;
}
