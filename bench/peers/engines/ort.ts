/**
 * ONNX Runtime's native WebGPU provider. It brings a Dawn of its own, which finds the same driver
 * in the same environment variables; it can only be awaited by reading, so a run ends with the read
 * of a small result, or of a single element, and ours beside it does as well.
 */
import type { Device } from "../../../engine/device.ts";
import type { HostArray } from "../../../engine/graph.ts";
import { type Cannot, type Job, type Named, type Peer, type Runner, timed } from "../job.ts";
import { loadPeer, versionOf } from "./load.ts";
import { encodeOnnx, type OnnxModel } from "./onnx.ts";

const PACKAGE = "onnxruntime-node";

interface Session {
  readonly run: (
    feeds: Record<string, never>,
    fetches: readonly string[],
  ) => Promise<Named<{ readonly data: Float32Array | BigInt64Array }>>;
  readonly release: () => Promise<void>;
}

/** The part of its interface that is the same in Node and in a browser. */
export interface Ort {
  readonly InferenceSession: {
    readonly create: (model: Uint8Array, options: object) => Promise<Session>;
  };
}

/** The model with one more result: the first element of its first one, if that has many. */
function withPeek(model: OnnxModel): OnnxModel & { readonly peek: string } {
  const [[name, { dtype, rank }]] = Object.entries(model.outputs) as [
    [string, OnnxModel["outputs"][string]],
  ];
  if (dtype === "i64") return { ...model, peek: name }; // indices: one for each query
  const ends = {
    peekFirst: new BigInt64Array(rank),
    peekEnd: new BigInt64Array(rank).fill(1n),
  };
  return {
    peek: "peek",
    constants: { ...model.constants, ...ends },
    nodes: [
      ...model.nodes,
      { op: "Slice", inputs: [name, "peekFirst", "peekEnd"], outputs: ["peek"] },
    ],
    outputs: { ...model.outputs, peek: { dtype, rank } },
  };
}

/**
 * The narrowest subgroups that its fused attention was made for: it gave wrong results on 8
 * threads, and right ones without subgroups.
 */
export const LEAST_SUBGROUP = 16;

/** Where a model runs, and what may be asked of it there. */
interface Place {
  /** A device of the caller's; ONNX Runtime's own when left out. */
  readonly device?: GPUDevice;
  /** Whether its fused attention is right. */
  readonly fused: boolean;
}

/** A session of a model on the WebGPU provider, on a device of the caller's if one is given. */
export function openSession(ort: Ort, model: OnnxModel, device?: GPUDevice): Promise<Session> {
  return ort.InferenceSession.create(encodeOnnx(model), {
    executionProviders: [{ name: "webgpu", ...(device && { device }) }],
    // Operands are constants of the model, so that they are on the device; folding them would
    // leave nothing to run.
    graphOptimizationLevel: "disabled",
  });
}

/** Make a job ready. */
export async function prepareOrt(
  ort: Ort,
  job: Job,
  operands: Named<HostArray>,
  { fused, device }: Place,
): Promise<Runner | Cannot> {
  if ("cannot" in job.ort) return job.ort;
  const { peek, ...model } = withPeek(job.ort(operands, fused));
  const session = await openSession(ort, model, device);
  const names = Object.keys(model.outputs).filter((name) => name !== "peek");
  return {
    run: () => timed(() => session.run({}, [peek])),
    async results() {
      const outputs = await session.run({}, names);
      return Object.fromEntries(
        names.map((name) => [name, Float32Array.from(outputs[name]!.data, Number)]),
      );
    },
    close: () => void session.release(),
  };
}

/**
 * Load ONNX Runtime; its first session opens its device.
 *
 * @param device  ours: what subgroups its own has is not to be asked
 */
export async function openOrt({ subgroupSize }: Device): Promise<Peer> {
  const ort = loadPeer<Ort>(PACKAGE);
  const fused = subgroupSize === 0 || subgroupSize >= LEAST_SUBGROUP;
  return {
    name: `onnxruntime ${versionOf(PACKAGE)}`,
    wait: "read",
    prepare: (job, operands) => prepareOrt(ort, job, operands, { fused }),
    close: () => {},
  };
}
