/** TensorFlow.js on its WebGPU backend: eager, every run calls the ops anew. */
import type { Device } from "../../../engine/device.ts";
import type { HostArray } from "../../../engine/graph.ts";
import { type Job, mapNamed, type Named, type Peer } from "../job.ts";
import { runnerOf } from "./library.ts";
import { loadPeer, versionOf } from "./load.ts";
import { watch } from "./navigator.ts";
import type { Tf, TfTensor } from "./tfjsTypes.ts";

const PACKAGE = "@tensorflow/tfjs"; // not tfjs-core alone, which has no gradients

function upload(tf: Tf, { data, shape }: HostArray): TfTensor {
  return tf.tensor(data instanceof Uint32Array ? new Int32Array(data) : data, shape);
}

/** Open tfjs on `navigator.gpu`. */
export async function openTfjs({ until }: Device): Promise<Peer> {
  const tf = loadPeer<Tf>(PACKAGE);
  loadPeer("@tensorflow/tfjs-backend-webgpu"); // registers itself
  tf.enableProdMode(); // without its checks of values and shapes
  await tf.setBackend("webgpu");
  await until(tf.ready());
  const backend = tf.backend();
  const shared = {
    done() {
      backend.endComputePassEncoder(); // tfjs keeps up to fifteen dispatches back
      if (backend.commandEncoder) backend.submitQueue();
      return until(backend.device.queue.onSubmittedWorkDone());
    },
    read: (tensor: TfTensor) => until(tensor.data()),
    dispose: (tensor: TfTensor) => tensor.dispose(),
    check: watch(backend.device),
  };
  const prepare = (job: Job, operands: Named<HostArray>) => {
    const call = (held: Named<TfTensor>) => tf.tidy(() => job.tfjs(tf, held));
    return runnerOf(
      { ...shared, call },
      mapNamed(operands, (array) => upload(tf, array)),
    );
  };
  return {
    name: `tfjs-webgpu ${versionOf(PACKAGE)}`,
    wait: "queue",
    prepare: async (job, operands) => prepare(job, operands),
    close: () => backend.device.destroy(),
  };
}
