/**
 * ONNX Runtime's WebGPU provider for browsers, in WebAssembly: the models of its native one
 * (ort.ts) on `navigator.gpu`, awaited by reading as well.
 */
import type { Device } from "../../../engine/device.ts";
import type { Peer } from "../job.ts";
import { loadPeer, versionOf } from "./load.ts";
import { watch } from "./navigator.ts";
import type { OnnxModel } from "./onnx.ts";
import { type Ort, openSession, prepareOrt } from "./ort.ts";

const PACKAGE = "onnxruntime-web";

interface OrtWeb extends Ort {
  readonly env: {
    readonly wasm: { numThreads: number };
    /** Its device, once a session has opened it. */
    readonly webgpu: { readonly device: Promise<GPUDevice> };
  };
}

/** Never run: ONNX Runtime's device would go with the last session, and the jobs' with it. */
const KEPT: OnnxModel = {
  constants: { x: { shape: [1], data: Float32Array.of(1) } },
  nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }],
  outputs: { y: { dtype: "f32", rank: 1 } },
};

/** Copy what is written from WebAssembly's shared memory, which Dawn's binding for Node refuses. */
function takeShared(queue: GPUQueue): void {
  const write = queue.writeBuffer.bind(queue);
  queue.writeBuffer = (buffer, offset, data, first, size) =>
    write(buffer, offset, (data as Uint8Array).slice(), first, size);
}

/** Open ONNX Runtime on `navigator.gpu`. */
export async function openOrtWeb({ until }: Device): Promise<Peer> {
  const ort = loadPeer<OrtWeb>(`${PACKAGE}/webgpu`);
  ort.env.wasm.numThreads = 1; // kernels of the CPU alone would use more, and none is run
  await until(openSession(ort, KEPT));
  const gpu = await ort.env.webgpu.device;
  takeShared(gpu.queue);
  const check = watch(gpu);
  return {
    name: `${PACKAGE} ${versionOf(PACKAGE)}`,
    wait: "read",
    async prepare(job, operands) {
      const runner = await until(prepareOrt(ort, job, operands));
      if ("cannot" in runner) return runner;
      const checked = async <T>(work: Promise<T>) => {
        const result = await until(work);
        check();
        return result;
      };
      const { run, results, close } = runner;
      return { run: () => checked(run()), results: () => checked(results()), close };
    },
    close: () => gpu.destroy(),
  };
}
