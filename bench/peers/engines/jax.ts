/** jax-js on its WebGPU backend, every job under `jit`. */
import type { Device } from "../../../engine/device.ts";
import type { HostArray } from "../../../engine/graph.ts";
import { type Job, type Named, type Peer, type Runner, timed } from "../job.ts";
import type { Jax, JaxArray } from "./jaxTypes.ts";
import { loadPeer, versionOf } from "./load.ts";
import { watch } from "./navigator.ts";

const PACKAGE = "@jax-js/jax";

function upload({ numpy: np }: Jax, { data, shape }: HostArray): JaxArray {
  return data instanceof Float32Array
    ? np.array(data, { shape, dtype: np.float32 })
    : np.array(new Int32Array(data), { shape, dtype: np.int32 });
}

/** Another use of every array. */
const refs = (arrays: Named<JaxArray>): Named<JaxArray> =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.ref]));

function prepare(
  jax: Jax,
  { until }: Device,
  check: () => void,
  job: Job,
  operands: Named<HostArray>,
): Runner {
  const entries = Object.entries(operands).map(([name, array]) => [name, upload(jax, array)]);
  const held: Record<string, JaxArray> = Object.fromEntries(entries);
  const compiled = jax.jit((xs: Named<JaxArray>) => job.jax(jax, xs));
  const { queue } = jax.getWebGPUDevice();
  // All results of a jitted call are made by one list of kernels: to await one submits them all.
  const done = async (outputs: Named<JaxArray>) => {
    await Object.values(outputs)[0]!.blockUntilReady();
    await queue.onSubmittedWorkDone();
  };
  const dispose = (outputs: Named<JaxArray>) => {
    for (const [name, array] of Object.entries(outputs))
      if (name in held) {
        held[name]!.dispose();
        held[name] = array;
      } else array.dispose();
  };
  return {
    async run() {
      let outputs: Named<JaxArray> = {};
      const timeMs = await timed(() => {
        outputs = compiled(refs(held));
        return until(done(outputs));
      });
      dispose(outputs);
      check();
      return timeMs;
    },
    async results() {
      const outputs = compiled(refs(held));
      const results: Record<string, Float32Array> = {};
      for (const [name, array] of Object.entries(outputs))
        results[name] = Float32Array.from(await until(array.ref.data())); // data() uses it up
      dispose(outputs);
      check();
      return results;
    },
    close() {
      compiled.dispose();
      for (const array of Object.values(held)) array.dispose();
    },
  };
}

/** Open jax-js on `navigator.gpu`. */
export async function openJax(device: Device): Promise<Peer> {
  const jax = loadPeer<Jax>(PACKAGE);
  await device.until(jax.init("webgpu"));
  jax.defaultDevice("webgpu");
  const check = watch(jax.getWebGPUDevice());
  return {
    name: `jax-js ${versionOf(PACKAGE)}`,
    wait: "queue",
    prepare: async (job, operands) => prepare(jax, device, check, job, operands),
    close: () => jax.getWebGPUDevice().destroy(),
  };
}
