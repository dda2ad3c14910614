/** The roof of a bench: what this adapter does at most, measured in the same run. */
import type { Device } from "../engine/device.ts";
import {
  measureCopy,
  measureMultiplyAdds,
  peakOf,
  type Sample,
  type Timer,
} from "../engine/roof.ts";
import { type Roof, timePlans } from "./harness.ts";

/** The roof, and the samples it was read from: multiply-adds, copy. */
export interface MeasuredRoof extends Roof {
  readonly samples: readonly Sample[];
}

const COPY_BYTES = 64 * 2 ** 20; // each way: beyond most caches, within WebGPU's least limits

/**
 * Measure the roof of a device.
 *
 * @param seconds  how long to repeat each of the dozen variants
 */
export async function measureRoof(device: Device, seconds: number): Promise<MeasuredRoof> {
  const timer: Timer = async (plan, quick) => {
    const [times] = await timePlans([plan], quick ? 0 : seconds);
    return times!.samples[0]!;
  };
  const fma = await measureMultiplyAdds(device, timer);
  const copy = await measureCopy(device, COPY_BYTES, timer);
  const peakGflops = peakOf(fma).gflops;
  return { peakGflops, peakGBs: peakOf(copy).gbs, samples: [fma, copy] };
}
