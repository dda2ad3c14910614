/** The pools of a run, filled before their first search and encoded anew when they are stale. */
import { fold, type HostData, keyOf, type Plan, readState, stream } from "../engine/index.ts";
import { packCaptions, packImages } from "./batches.ts";
import { inputsFor } from "./inputs.ts";
import type { Session, SessionOptions } from "./session.ts";

const FILL_KEY = 0x66696c6c; // "fill": which pairs fill the pools

/** Pairs as the pools take them in, un-augmented: the inputs of a plan. */
function unaugmented(
  { config, train, tokenizer }: SessionOptions,
  plan: Plan,
  pairs: Uint32Array,
): Record<string, HostData> {
  const captions = Array.from(pairs, (row) => train.captions[row]!);
  const readsImages = plan.inputs.some((name) => name.startsWith("images"));
  return inputsFor(plan, {
    pairs,
    ...(readsImages && { images: packImages(train, pairs) }),
    ...packCaptions(tokenizer, captions, config.contextLength),
  });
}

/** Fill what is still empty of the pools with real pairs, un-augmented, in a random order. */
export async function fillPoolsFromData(session: Session, epoch: number): Promise<void> {
  const { options, state } = session;
  const { config, device, train } = options;
  const cursor = (await readState(device, { cursor: state.pool.cursor })).cursor.data;
  const empty = state.pool.ids.shape[0]! - cursor[1]!;
  if (empty <= 0) return;
  const plan = await session.plan("fill");
  const key = fold(fold(keyOf(config.seed), FILL_KEY), epoch);
  const order = stream(key).permutation(train.captions.length);
  for (let first = 0; first < empty; first += config.batch) {
    const pairs = Uint32Array.from(
      { length: config.batch },
      (_, i) => order[(first + i) % order.length]!,
    );
    plan.run(unaugmented(options, plan, pairs));
    await device.until(device.gpu.queue.onSubmittedWorkDone());
  }
}

/** Encode all rows of the pools anew, each the pair that its id names, un-augmented. */
export async function reencodeAll({ options, state, plan: planOf }: Session): Promise<void> {
  const { config, device } = options;
  const ids = (await readState(device, { ids: state.pool.ids })).ids.data as Uint32Array;
  const plan = await planOf("reencode");
  for (let first = 0; first < ids.length; first += config.batch) {
    const pairs = Uint32Array.from(
      { length: config.batch },
      (_, i) => ids[(first + i) % ids.length]!,
    );
    const at = Uint32Array.of(first, ids.length);
    plan.run({ at, ...unaugmented(options, plan, pairs) });
    await device.until(device.gpu.queue.onSubmittedWorkDone());
  }
}
