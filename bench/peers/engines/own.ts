/** Our own engine as a runner. */
import type { Device } from "../../../engine/device.ts";
import { constant, type HostArray, type Tensor, view } from "../../../engine/graph.ts";
import { hold, release } from "../../../engine/held.ts";
import { gatherRows } from "../../../engine/ops/gatherRows.ts";
import { compile } from "../../../engine/plan.ts";
import { type Job, type Named, type Runner, timed, type Wait } from "../job.ts";

/** Elements up to which a result is read whole where a run is awaited by reading. */
const READ_WHOLE = 1024;

/** A little of a result: itself, or its first element. */
function peekOf(result: Tensor): Tensor {
  const { elements } = result.storage;
  if (elements <= READ_WHOLE) return result;
  return gatherRows(view(result, [elements, 1]), constant(Uint32Array.of(0)));
}

/**
 * Make a job ready.
 *
 * @param wait  as the peer that it will be timed beside
 */
export async function prepareOwn(
  device: Device,
  job: Job,
  operands: Named<HostArray>,
  wait: Wait,
): Promise<Runner> {
  const held = hold(device, operands, job.sharing) as Named<Tensor>;
  const { outputs, updates } = job.own(held);
  const names = Object.keys(outputs);
  const peek = wait === "read" ? { peek: peekOf(outputs[names[0]!]!) } : {};
  const plan = await compile(device, { outputs: { ...outputs, ...peek }, updates });
  const done = () =>
    wait === "read" ? plan.read("peek") : device.until(device.gpu.queue.onSubmittedWorkDone());
  return {
    run: () =>
      timed(() => {
        plan.run();
        return done();
      }),
    results() {
      plan.run();
      return plan.read(...names);
    },
    close() {
      plan.destroy();
      release(device, held);
    },
  };
}
