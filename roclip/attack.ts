import { fold, type Key } from "../engine/random.ts";
import { backdoor } from "./backdoor.ts";
import type { Config } from "./config.ts";
import type { Dataset } from "./data/dataset.ts";
import { poison } from "./poison.ts";
import type { Attack } from "./truth.ts";

const BACKDOOR = 0;
const POISON = 1;

/**
 * Every attack of the configuration on the training data. The backdoor comes first: it replaces
 * rows and must not choose one that poisoning appended.
 *
 * @param train    clean training data; left as it is
 * @param heldOut  held-out data: class names and target images
 * @param config   poison, backdoor and seed decide
 * @param key      key of all draws
 * @throws         UserError as poison and backdoor do
 */
export function attack(
  train: Dataset,
  heldOut: Dataset,
  config: Pick<Config, "poison" | "backdoor" | "seed">,
  key: Key,
): Attack {
  const first = backdoor(train, heldOut, config, fold(key, BACKDOOR));
  const second = poison(first.dataset, heldOut, config, fold(key, POISON));
  return {
    dataset: second.dataset,
    truth: [...first.truth, ...second.truth],
    notes: [...first.notes, ...second.notes],
  };
}
