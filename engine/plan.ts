/**
 * A plan: a graph made runnable. Dispatches in order, memory laid out, pipelines built, parameters
 * uploaded; a run replays them in one compute pass and allocates nothing.
 */
import { allocate, type Buffers, checkFits, overrunsOf } from "./buffers.ts";
import type { Device } from "./device.ts";
import type { HostData } from "./graph.ts";
import { conflictsOf, type Layout, layOut, layOutApart } from "./memory.ts";
import { type Arranged, arrange, type Program } from "./outline.ts";
import { profileSteps, type Timing } from "./profile.ts";
import { readBuffers } from "./read.ts";
import { buildSteps, encode, packParams, type Step, type Variants } from "./steps.ts";
import { windowsOf } from "./windows.ts";

export type { Program } from "./outline.ts";

/** How a plan is built. */
export interface PlanOptions extends Variants {
  /** Give every tensor a buffer of its own followed by sentinels, which `overruns` checks. */
  readonly guard?: boolean;
}

/** A replayable run. */
export interface Plan {
  /** Bytes of the slots, and the least any layout could need. */
  readonly memory: Pick<Layout, "peakBytes" | "boundBytes">;
  readonly steps: readonly Step[];
  /** Names of the inputs that the program reads. */
  readonly inputs: readonly string[];
  /**
   * Upload the inputs and submit one run; does not wait. Inputs keep their data until given anew.
   */
  run(inputs?: Readonly<Record<string, HostData>>): void;
  /** Data of the named outputs after the latest run (all of them when no name is given). */
  read(...names: string[]): Promise<Record<string, HostData>>;
  /** Run with a timestamp around every dispatch. */
  profile(inputs?: Readonly<Record<string, HostData>>): Promise<Timing[]>;
  /** Tensors (guarded plans only) beyond whose end the latest run wrote. */
  overruns(): Promise<string[]>;
  /** Free the plan's buffers; held state stays. */
  destroy(): void;
}

/**
 * Make a program runnable on a device.
 *
 * @throws  Error when a tensor does not fit the adapter's limits, when state is not held, when a
 *          state is read after its update, when an output is f16, or when a kernel does not compile
 *          (with WebGPU's words)
 */
export async function compile(
  device: Device,
  program: Program,
  options: PlanOptions = {},
): Promise<Plan> {
  checkReadable(program.outputs);
  const { order, inputs, fixed, lifetimes } = arrange(program, device.half);
  checkFits(device, [...fixed, ...lifetimes.map(({ storage }) => storage)]);

  const { maxBufferSize } = device.gpu.limits;
  const layout = options.guard
    ? layOutApart(lifetimes)
    : layOut(lifetimes, conflictsOf(order), maxBufferSize);
  const launches = order.flatMap((dispatch) => windowsOf(device, dispatch));
  const { data, offsets } = packParams(launches);
  const buffers = allocate(device, layout, fixed, data, options.guard ?? false);
  const steps = await buildSteps(device, launches, buffers, offsets, options);
  return makePlan(device, program, { inputs, lifetimes, layout, buffers, steps });
}

function checkReadable(outputs: Program["outputs"]): void {
  for (const [name, { dtype }] of Object.entries(outputs))
    if (dtype === "f16")
      throw new Error(
        `plan: an output must be f32 or u32; ${name} is f16, which the host has no arrays for; ` +
          'cast it to "f32"',
      );
}

interface Built extends Pick<Arranged, "inputs" | "lifetimes"> {
  readonly layout: Layout;
  readonly buffers: Buffers;
  readonly steps: readonly Step[];
}

/** A function that uploads named inputs, refusing what the plan was not built for. */
function uploader(device: Device, inputs: Built["inputs"], buffers: Buffers) {
  return (given: Readonly<Record<string, HostData>>) => {
    for (const [name, data] of Object.entries(given)) {
      const storage = inputs.get(name);
      if (!storage || data.length !== storage.elements) {
        const known = [...inputs].map(([label, s]) => `${label} (${s.elements})`).join(", ");
        throw new Error(
          `run: an input must be one of ${known || "none"} with that many elements; ` +
            `${name} has ${data.length}; pass what the plan was built for`,
        );
      }
      const { buffer, offset } = buffers.regionOf(storage);
      device.gpu.queue.writeBuffer(buffer, offset, data as Float32Array<ArrayBuffer>);
    }
  };
}

/** A function that reads named outputs. */
function reader(device: Device, outputs: Program["outputs"], buffers: Buffers) {
  return async (...names: string[]) => {
    const wanted = names.length > 0 ? names : Object.keys(outputs);
    const storages = wanted.map((name) => outputs[name]!.storage);
    const sources = storages.map((storage) => ({ ...buffers.regionOf(storage), storage }));
    const data = await readBuffers(device, sources);
    return Object.fromEntries(wanted.map((name, i) => [name, data[i]!]));
  };
}

function makePlan(device: Device, program: Program, built: Built): Plan {
  const { inputs, lifetimes, layout, buffers, steps } = built;
  const { gpu } = device;
  const upload = uploader(device, inputs, buffers);
  const slots = lifetimes.map(({ storage }) => storage);
  return {
    memory: layout,
    steps,
    inputs: [...inputs.keys()],
    run(given = {}) {
      device.check();
      upload(given);
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      encode(pass, steps);
      pass.end();
      gpu.queue.submit([encoder.finish()]);
    },
    read: reader(device, program.outputs, buffers),
    profile(given = {}) {
      upload(given);
      return profileSteps(device, steps);
    },
    overruns: () => overrunsOf(device, buffers, slots),
    destroy: () => buffers.destroy(),
  };
}
