import { fold, type Key, keyOf } from "../engine/random.ts";
import { backdoor } from "./backdoor.ts";
import type { Config } from "./config.ts";
import type { Dataset } from "./data/dataset.ts";
import { poison } from "./poison.ts";
import type { Attack, TruthRow } from "./truth.ts";

/** Folds of the key: the first backdoor, poison; further backdoors follow. */
const BACKDOOR = 0;
const POISON = 1;
/** Folds the seed: attacks are drawn apart from everything else. */
const ATTACK_KEY = 0x61747461; // "atta"

/** The keys that decide what is done to the data. */
export type Attacks = Pick<Config, "poison" | "backdoor" | "backdoors" | "attackSeed" | "seed">;

/** The seed of the attacks' draws. */
const seedOf = ({ attackSeed, seed }: Attacks) => attackSeed || seed;

/** The backdoors of a configuration in their order; those of count 0 are there, and do nothing. */
export function backdoorsOf(
  config: Pick<Config, "backdoor" | "backdoors">,
): readonly Config["backdoor"][] {
  return [config.backdoor, ...config.backdoors];
}

/**
 * Every attack of the configuration on the training data, a pure function of both. Backdoors
 * come first, each on rows of its own: they replace rows and must not choose one that poisoning
 * appended.
 *
 * @param train    clean training data; left as it is
 * @param heldOut  held-out data: class names and target images
 * @param config   poison, backdoor, backdoors and attackSeed (seed, where that is 0) decide
 * @param key      key of all draws; that seed's unless said
 * @throws         UserError as poison and backdoor do
 */
export function attack(
  train: Dataset,
  heldOut: Dataset,
  config: Attacks,
  key: Key = fold(keyOf(seedOf(config)), ATTACK_KEY),
): Attack {
  const seed = seedOf(config);
  let dataset = train;
  const truth: TruthRow[] = [];
  for (const [turn, own] of backdoorsOf(config).entries()) {
    const fresh = fold(key, turn === 0 ? BACKDOOR : POISON + turn);
    const taken = new Set(truth.map(({ row }) => row));
    const settings = { backdoor: own, seed };
    const opened = backdoor(dataset, heldOut, settings, fresh, { attack: turn, taken });
    dataset = opened.dataset;
    truth.push(...opened.truth);
  }
  const poisoned = poison(dataset, heldOut, { ...config, seed }, fold(key, POISON));
  return {
    dataset: poisoned.dataset,
    truth: [...truth, ...poisoned.truth],
    notes: poisoned.notes,
  };
}
