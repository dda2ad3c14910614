/** Time per dispatch: each in a pass of its own between two GPU timestamps. */
import { WORD_BYTES } from "../kernels/kernel.ts";
import type { Device } from "./device.ts";
import { encode, type Step } from "./steps.ts";

/** The time one dispatch took. */
export interface Timing {
  readonly label: string;
  readonly step: Step;
  readonly timeMs: number;
}

const STAMP_BYTES = 2 * WORD_BYTES; // a timestamp is a u64, in nanoseconds
const MAX_QUERIES = 4096; // WebGPU's limit for one query set
const NS_PER_MS = 1e6;

async function profileSome(device: Device, steps: readonly Step[]): Promise<number[]> {
  const { gpu } = device;
  const count = 2 * steps.length;
  const querySet = gpu.createQuerySet({ type: "timestamp", count });
  const size = count * STAMP_BYTES;
  const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const resolved = gpu.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SRC });
  const staging = gpu.createBuffer({ size, usage: COPY_DST | MAP_READ });
  const encoder = gpu.createCommandEncoder({ label: "profile" });
  steps.forEach((step, i) => {
    const timestampWrites = {
      querySet,
      beginningOfPassWriteIndex: 2 * i,
      endOfPassWriteIndex: 2 * i + 1,
    };
    const pass = encoder.beginComputePass({ label: step.label, timestampWrites });
    encode(pass, [step]);
    pass.end();
  });
  encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
  gpu.queue.submit([encoder.finish()]);
  await device.until(staging.mapAsync(GPUMapMode.READ));
  const stamps = new BigUint64Array(staging.getMappedRange().slice(0));
  for (const resource of [querySet, resolved, staging]) resource.destroy();
  return steps.map((_, i) => Number(stamps[2 * i + 1]! - stamps[2 * i]!) / NS_PER_MS);
}

/**
 * Run the steps once and time each.
 *
 * @throws  Error when the adapter has no timestamps
 */
export async function profileSteps(device: Device, steps: readonly Step[]): Promise<Timing[]> {
  if (!device.gpu.features.has("timestamp-query"))
    throw new Error(
      `profile: the adapter must offer timestamp-query; ${device.name} does not; ` +
        "time whole runs instead",
    );
  const timings: Timing[] = [];
  for (let at = 0; at < steps.length; at += MAX_QUERIES / 2) {
    const part = steps.slice(at, at + MAX_QUERIES / 2);
    const times = await profileSome(device, part);
    timings.push(...part.map((step, i) => ({ label: step.label, step, timeMs: times[i]! })));
  }
  return timings;
}

/** Run steps one after another, each timed: by the GPU's clock, else by ours; ms. */
export async function timeSteps(device: Device, steps: readonly Step[]): Promise<number[]> {
  if (device.gpu.features.has("timestamp-query"))
    return (await profileSteps(device, steps)).map(({ timeMs }) => timeMs);
  const { queue } = device.gpu;
  const times: number[] = [];
  for (const step of steps) {
    const begun = performance.now();
    const encoder = device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass, [step]);
    pass.end();
    queue.submit([encoder.finish()]);
    await device.until(queue.onSubmittedWorkDone());
    times.push(performance.now() - begun);
  }
  return times;
}
