/** Which pairs a defence trains on in the epoch under way, by what a run's state knows of them. */
import { readState } from "../engine/index.ts";
import { keptRows } from "./judge.ts";
import type { Chosen } from "./order.ts";
import type { Session } from "./session.ts";

/** What the run chose at its begin, and what it chose before the epoch. */
export async function chosenNow({ options, state, chosen }: Session): Promise<Chosen> {
  const { config, device } = options;
  const { safe, ranks } = state;
  const known = { ...(safe && { pairs: safe.pairs }), ...(ranks && { ranks }) };
  const found = await readState(device, known);
  return {
    ...chosen,
    ...(found.pairs && { safe: found.pairs.data as Uint32Array }),
    ...(found.ranks && { kept: keptRows(found.ranks.data as Float32Array, config.roclip.judge) }),
  };
}
