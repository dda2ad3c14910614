/** How long a run will take here: measured on its own steps, not guessed. */
import { release } from "../engine/index.ts";
import { createBatches } from "./batches.ts";
import { isMatchingEpoch } from "./schedule.ts";
import { beginSession, fillFromCaptions, inputsFor, type SessionOptions } from "./session.ts";

const WARM_UP_STEPS = 2; // the first runs of a pipeline include its compilation
const MEASURED_MS = 1500; // of each kind of step
const MOST_STEPS = 40;

/** Seconds of one epoch of each kind, by running some of its steps on a state of its own. */
export async function forecastEpochs(
  options: Omit<SessionOptions, "folder" | "resume">,
): Promise<{ plain: number; matching: number }> {
  const { config, device, train, tokenizer } = options;
  const session = await beginSession({ ...options, folder: "" });
  const batchAt = createBatches(config, train, tokenizer);
  const time = async (matching: boolean): Promise<number> => {
    if (matching) await fillFromCaptions(session, 0);
    const plan = await session.plan(matching);
    let begun = performance.now();
    let steps = 0;
    while (steps < MOST_STEPS + WARM_UP_STEPS) {
      plan.run(inputsFor(plan, batchAt(1, steps % session.stepsInEpoch)));
      await plan.read("loss");
      if (++steps === WARM_UP_STEPS) begun = performance.now();
      else if (performance.now() - begun > MEASURED_MS && steps > WARM_UP_STEPS) break;
    }
    plan.destroy();
    return ((performance.now() - begun) / 1000 / (steps - WARM_UP_STEPS)) * session.stepsInEpoch;
  };
  const plain = await time(false);
  const epochs = Array.from({ length: config.epochs }, (_, i) => i + 1);
  const matches = epochs.some((epoch) => isMatchingEpoch(config, epoch));
  const matching = matches ? await time(true) : plain;
  release(device, session.state);
  return { plain, matching };
}
