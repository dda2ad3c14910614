/** jax-js on its WebGPU backend, every job under `jit`. */
import type { Device } from "../../../engine/device.ts";
import type { HostArray } from "../../../engine/graph.ts";
import { type Job, mapNamed, type Named, type Peer, type Runner } from "../job.ts";
import type { Jax, JaxArray } from "./jaxTypes.ts";
import { runnerOf } from "./library.ts";
import { loadPeer, versionOf } from "./load.ts";
import { watch } from "./navigator.ts";

const PACKAGE = "@jax-js/jax";

function upload({ numpy: np }: Jax, { data, shape }: HostArray): JaxArray {
  return data instanceof Float32Array
    ? np.array(data, { shape, dtype: np.float32 })
    : np.array(new Int32Array(data), { shape, dtype: np.int32 });
}

/** Open jax-js on `navigator.gpu`. */
export async function openJax({ until }: Device): Promise<Peer> {
  const jax = loadPeer<Jax>(PACKAGE);
  await until(jax.init("webgpu"));
  jax.defaultDevice("webgpu");
  const gpu = jax.getWebGPUDevice();
  const shared = {
    // All results of a jitted call are made by one list of kernels, and to await one result submits
    // them all; it is read, of length 0, behind them.
    done: (results: Named<JaxArray>) => until(Object.values(results)[0]!.blockUntilReady()),
    read: (array: JaxArray) => until(array.ref.data()), // data() uses an array up
    dispose: (array: JaxArray) => array.dispose(),
    check: watch(gpu),
  };
  const prepare = (job: Job, operands: Named<HostArray>): Runner => {
    const compiled = jax.jit((xs: Named<JaxArray>) => job.jax(jax, xs));
    const call = (held: Named<JaxArray>) => compiled(mapNamed(held, (array) => array.ref));
    const held = mapNamed(operands, (array) => upload(jax, array));
    const runner = runnerOf({ ...shared, call }, held);
    const close = () => {
      runner.close();
      compiled.dispose();
    };
    return { ...runner, close };
  };
  return {
    name: `jax-js ${versionOf(PACKAGE)}`,
    wait: "queue",
    prepare: async (job, operands) => prepare(job, operands),
    close: () => gpu.destroy(),
  };
}
