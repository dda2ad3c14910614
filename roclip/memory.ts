/** A run made to fit a memory: by computing activations again, and what that costs. */
import { memoryBytes } from "./amount.ts";
import { UserError } from "./errors.ts";
import { describeState } from "./model.ts";
import { AT_LEAST, LAID_OUT, memoryOf, type Occasion, type Slots } from "./planning.ts";
import type { Config } from "./schema.ts";

/** A configuration that fits, and what it then takes. */
export interface Fit {
  readonly config: Config;
  /** Bytes on the device, as laid out. */
  readonly bytes: number;
}

/** Blocks of the tower that has more of them, which `recompute` is a share of. */
function mostBlocks(config: Config): number {
  const { image, text } = describeState(config, config.vocabularySize, 1).params;
  const ofImage =
    "stages" in image
      ? 1 + image.stages.flat().length
      : "blocks" in image
        ? 1 + image.blocks.length
        : image.layers.length;
  return Math.max(ofImage, text.layers.length);
}

/**
 * The least of `recompute`, from the configuration's own on, with which a run fits.
 *
 * @param budget  bytes
 * @returns       undefined where it does not fit with all blocks computed again
 */
export function fitTo(config: Config, budget: number, occasion: Occasion): Fit | undefined {
  const blocks = mostBlocks(config);
  const at = (count: number): Config => ({ ...config, recompute: count / blocks });
  const total = (count: number, slots: Slots) => memoryOf(at(count), occasion, slots).total;
  const own = Math.ceil(config.recompute * blocks);
  // By the least that any layout could need, which is known at once; then as laid out.
  let [low, high] = [own, blocks];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (total(middle, AT_LEAST) <= budget) high = middle;
    else low = middle + 1;
  }
  for (let count = low; count <= blocks; count++) {
    if (total(count, AT_LEAST) > budget) continue;
    const bytes = total(count, LAID_OUT);
    // A configuration that fits as it is stays as it is.
    if (bytes <= budget) return { config: count === own ? config : at(count), bytes };
  }
  return undefined;
}

/**
 * The configuration with as much computed again as its `memory` asks for.
 *
 * @returns  undefined where it asks for none
 * @throws   UserError where no share of blocks computed again is enough
 */
export function fitMemory(config: Config, occasion: Occasion): Fit | undefined {
  const budget = memoryBytes(config.memory);
  if (budget === undefined) return undefined;
  const fit = fitTo(config, budget, occasion);
  if (fit) return fit;
  const { total } = memoryOf({ ...config, recompute: 1 }, occasion, LAID_OUT);
  throw new UserError(
    `memory: a run must fit ${config.memory}; with all blocks computed again it takes ` +
      `${(total / 1e9).toFixed(2)} GB; choose a smaller --micro-batch, --batch or model ` +
      "(roclip plan says which fits)",
  );
}
