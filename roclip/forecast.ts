/** How long a run will take here: measured on its own steps, not guessed. */
import type { Plan } from "../engine/index.ts";
import { createBatches } from "./batches.ts";
import { fillPoolsFromData } from "./fillPools.ts";
import { everMatches, type StepKind } from "./schedule.ts";
import { beginSession, inputsFor, type SessionOptions } from "./session.ts";

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
  const prepare = async (kind: StepKind) => {
    if (kind === "matching") await fillPoolsFromData(session, 0);
    const plan = await session.plan(kind);
    for (let step = 0; step < WARM_UP_STEPS; step++) await run(plan, step);
    return plan;
  };
  const time = async (plan: Plan): Promise<number> => {
    const begun = performance.now();
    let steps = 0;
    while (steps < LEAST_STEPS || performance.now() - begun < ROUND_MS) await run(plan, steps++);
    return ((performance.now() - begun) / 1000 / steps) * session.stepsInEpoch;
  };

  const matches = everMatches(config);
  const plans = { plain: await prepare("plain"), matching: matches && (await prepare("matching")) };
  const best = { plain: Number.POSITIVE_INFINITY, matching: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    best.plain = Math.min(best.plain, await time(plans.plain));
    best.matching = plans.matching
      ? Math.min(best.matching, await time(plans.matching))
      : best.plain;
  }
  session.release();
  return best;
}
