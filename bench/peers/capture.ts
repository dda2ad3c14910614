/** `npm run bench -- peers --capture`: the WGSL that other engines run for each job. */
import type { Device } from "../../engine/device.ts";
import { captureShaders, type Watched } from "../isa/capture.ts";
import type { Captured } from "../isa/captured.ts";
import { openOnNavigator } from "./engines/open.ts";
import type { Job, Peer } from "./job.ts";
import { formatWithout } from "./table.ts";

/**
 * Run every job once on every peer, and keep the shaders that each used.
 *
 * @param watched  the prototypes of their devices and passes; as they were when this returns
 */
export async function captureJobs(
  watched: Watched,
  peers: readonly Peer[],
  jobs: readonly Job[],
): Promise<Captured[]> {
  const capture = captureShaders(watched);
  const shaders: Captured[] = [];
  try {
    for (const job of jobs) {
      const operands = job.operands();
      for (const peer of peers) {
        const ready = await peer.prepare(job, operands);
        if ("cannot" in ready) continue;
        await ready.run();
        ready.close();
        const { op, shape } = job;
        const found = capture.take();
        shaders.push(...found.map((shader) => ({ peer: peer.name, op, shape, ...shader })));
        console.log(formatWithout(op, shape, peer.name, `shaders: ${found.length}`));
      }
    }
  } finally {
    capture.stop();
  }
  return shaders;
}

/** The same of the engines that run on `navigator.gpu`; ONNX Runtime brings a Dawn of its own. */
export async function capturePeers(device: Device, jobs: readonly Job[]) {
  const { peers, close } = await openOnNavigator(device);
  const watched = { gpu: GPUDevice.prototype, pass: GPUComputePassEncoder.prototype };
  const shaders = await captureJobs(watched, peers, jobs);
  close();
  return { shaders };
}
