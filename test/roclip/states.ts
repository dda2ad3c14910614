/** Small states and batches of noise for tests of the towers and the step. */
import {
  compile,
  type Device,
  fold,
  type HostArray,
  hold,
  keyOf,
  leaves,
  mapTree,
  type Plan,
  readState,
  release,
  type Stream,
  stream,
} from "../../engine/index.ts";
import { adamWSchedule, averageRate } from "../../engine/optim.ts";
import { identityDraws } from "../../roclip/augment.ts";
import { VIEWS } from "../../roclip/baselines/views.ts";
import { type HostBatch, imageWords } from "../../roclip/batches.ts";
import { type Config, parseConfig } from "../../roclip/config.ts";
import { batchInputs, inputsFor } from "../../roclip/inputs.ts";
import { type HeldState, holdState, initState } from "../../roclip/model.ts";
import type { StepKind } from "../../roclip/schedule.ts";
import { trainingStep } from "../../roclip/step.ts";

export const VOCABULARY = 40;
const END = VOCABULARY - 1;
export const PAIRS = 30;
export const DECAY = 0.7; // of averages, where they are kept
export const SEED = 7;
export const KEYS = { pixels: 1, images: 2, tokens: 3, pairs: 4 };

export const configOf = (changes: object = {}): Config =>
  parseConfig({
    batch: 6,
    imageSize: 12,
    contextLength: 7,
    image: { width: 4, blocks: [1, 1] },
    text: { width: 8, layers: 2, heads: 2 },
    embedding: 10,
    roclip: { poolSize: 16 },
    ...changes,
  });
export const config = configOf();
const { contextLength: T, imageSize: S } = config;

/** Captions of random letters and several lengths; `ends` are places in the caption. */
function randomCaptions(rows: number, turn: number, letters: Stream) {
  const ends = Uint32Array.from({ length: rows }, (_, i) => 2 + ((i + turn) % (T - 2)));
  const tokens = Array.from(ends, (end) =>
    Array.from({ length: T }, (_, at) => (at < end ? letters.below(END) : at === end ? END : 0)),
  );
  return { tokens: Uint32Array.from(tokens.flat()), ends };
}

const captions = randomCaptions(PAIRS, 0, stream(fold(keyOf(SEED), KEYS.tokens)));
/** What matching steps may encode anew. */
export const CAPTIONS = {
  tokens: { shape: [PAIRS, T], data: captions.tokens },
  ends: { shape: [PAIRS], data: captions.ends },
};

/** A batch of noise and random captions, by step. */
export function hostBatch(step: number, kind: StepKind = "plain"): HostBatch {
  const B = VIEWS[kind].length * config.batch;
  const draw = (key: number) => stream(fold(fold(keyOf(SEED), key), step));
  const words = draw(KEYS.images);
  const { tokens, ends } = randomCaptions(B, step, draw(KEYS.tokens));
  return {
    images: Uint32Array.from({ length: B * imageWords(S) }, () => words.below(2 ** 32)),
    draws: identityDraws(B, S),
    tokens,
    ends: ends.map((end, i) => i * T + end),
    pairs: draw(KEYS.pairs).permutation(PAIRS).slice(0, config.batch),
    schedule: adamWSchedule(step + 1, 0.01, config),
    textSchedule: adamWSchedule(step + 1, 0.01, config),
    averageRate: averageRate(step + 1, DECAY),
  };
}

const KINDS: Readonly<Record<string, StepKind>> = {
  P: "plain",
  M: "matching",
  C: "clean",
};

/** The state after some steps ("P" plain, "M" matching, "C" clean) from the seed's, by path. */
export async function stateAfter(
  device: Device,
  steps: string,
  changes: object = {},
  start: Record<string, HostArray> = {},
) {
  const chosen = configOf(changes);
  const host = initState(chosen, VOCABULARY, PAIRS);
  const state: HeldState = holdState(
    device,
    mapTree(host, (leaf: HostArray, path) => start[path] ?? leaf),
  );
  const captions = hold(device, CAPTIONS);
  const plans = new Map<string, Plan>();
  for (const letter of new Set(steps)) {
    const kind = KINDS[letter]!;
    const result = trainingStep(chosen, state, batchInputs(chosen, kind, captions), kind);
    plans.set(letter, await compile(device, { outputs: {}, updates: result.state }));
  }
  for (const [step, letter] of [...steps].entries()) {
    const plan = plans.get(letter)!;
    plan.run(inputsFor(plan, hostBatch(step, KINDS[letter])));
  }
  const found = new Map(leaves<HostArray>(await readState(device, state)));
  for (const plan of plans.values()) plan.destroy();
  release(device, { state, captions });
  return found;
}
