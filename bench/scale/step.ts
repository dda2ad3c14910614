/** How a matching step scales with the batch, with the towers' width and with their depth. */
import type { Device } from "../../engine/device.ts";
import type { Config } from "../../roclip/config.ts";
import { measureStepAlone, STEP_CONFIG, type StepCost } from "../step.ts";

/** What is varied, from the demonstration's step. */
export interface StepSize {
  readonly batch: number;
  /** Times the demonstration's widths. */
  readonly width: number;
  /** Residual blocks of each stage, and layers of the text tower. */
  readonly depth: number;
}

/** A step, as `--json` writes it. */
export interface StepRow extends StepSize, StepCost {}

const DEMO: StepSize = { batch: STEP_CONFIG.batch, width: 1, depth: 1 };

/** One thing at a time. */
export const STEP_SIZES: readonly StepSize[] = [
  ...[32, 64, 128, 256, 512].map((batch) => ({ ...DEMO, batch })),
  ...[2, 3].map((width) => ({ ...DEMO, width })),
  ...[2, 4].map((depth) => ({ ...DEMO, depth })),
];

/** The demonstration's configuration at another size. */
export function configOf({ batch, width, depth }: StepSize): Config {
  const { image, text } = STEP_CONFIG;
  return {
    ...STEP_CONFIG,
    batch,
    embedding: STEP_CONFIG.embedding * width,
    image: { ...image, width: image.width * width, blocks: image.blocks.map((n) => n * depth) },
    text: { ...text, width: text.width * width, layers: text.layers * depth },
  };
}

/**
 * Time a step of a size.
 *
 * @param seconds  how long to repeat
 */
export async function timeStepAt(
  device: Device,
  size: StepSize,
  seconds: number,
): Promise<StepRow> {
  return { ...size, ...(await measureStepAlone(device, configOf(size), seconds)) };
}
