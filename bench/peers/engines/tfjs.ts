/** TensorFlow.js on its WebGPU backend. */
import type { Device } from "../../../engine/device.ts";
import type { HostArray } from "../../../engine/graph.ts";
import { type Job, type Named, type Peer, type Runner, timed } from "../job.ts";
import { loadPeer, versionOf } from "./load.ts";
import { watch } from "./navigator.ts";
import type { Tf, TfTensor } from "./tfjsTypes.ts";

const PACKAGE = "@tensorflow/tfjs"; // not tfjs-core alone, which has no gradients

function upload(tf: Tf, { data, shape }: HostArray): TfTensor {
  return tf.tensor(data instanceof Uint32Array ? new Int32Array(data) : data, shape);
}

/** Eager: every run calls the ops anew, as a program written with tfjs does. */
function prepare(
  tf: Tf,
  { until }: Device,
  check: () => void,
  job: Job,
  operands: Named<HostArray>,
): Runner {
  const entries = Object.entries(operands).map(([name, array]) => [name, upload(tf, array)]);
  const held: Record<string, TfTensor> = Object.fromEntries(entries);
  const backend = tf.backend();
  const run = () => tf.tidy(() => job.tfjs(tf, held));
  const done = () => {
    backend.endComputePassEncoder(); // tfjs keeps up to fifteen dispatches back
    if (backend.commandEncoder) backend.submitQueue();
    return until(backend.device.queue.onSubmittedWorkDone());
  };
  const dispose = (outputs: Named<TfTensor>) => {
    for (const [name, tensor] of Object.entries(outputs))
      if (name in held) {
        held[name]!.dispose();
        held[name] = tensor;
      } else tensor.dispose();
  };
  return {
    async run() {
      let outputs: Named<TfTensor> = {};
      const timeMs = await timed(() => {
        outputs = run();
        return done();
      });
      dispose(outputs);
      check();
      return timeMs;
    },
    async results() {
      const outputs = run();
      const read = Object.entries(outputs).map(async ([name, tensor]) => {
        return [name, Float32Array.from(await until(tensor.data()))] as const;
      });
      const results = Object.fromEntries(await Promise.all(read));
      dispose(outputs);
      check();
      return results;
    },
    close() {
      for (const tensor of Object.values(held)) tensor.dispose();
    },
  };
}

/** Open tfjs on `navigator.gpu`. */
export async function openTfjs(device: Device): Promise<Peer> {
  const tf = loadPeer<Tf>(PACKAGE);
  loadPeer("@tensorflow/tfjs-backend-webgpu"); // registers itself
  await tf.setBackend("webgpu");
  await device.until(tf.ready());
  const check = watch(tf.backend().device);
  return {
    name: `tfjs-webgpu ${versionOf(PACKAGE)}`,
    wait: "queue",
    prepare: async (job, operands) => prepare(tf, device, check, job, operands),
    close: () => tf.backend().device.destroy(),
  };
}
