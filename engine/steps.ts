/**
 * Dispatches made ready to encode: parameters packed, pipelines built, buffers bound, grids sized.
 */
import {
  type AnyKernel,
  defaults,
  forMatrices,
  forSubgroups,
  HALF_BITS,
  type MatricesBy,
  WORD_BYTES,
} from "../kernels/kernel.ts";
import type { Buffers } from "./buffers.ts";
import { type Device, labelOf } from "./device.ts";
import type { Dispatch, Tensor } from "./graph.ts";
import { tunedConsts } from "./tuned.ts";

/** Constants to use for a kernel instead of its defaults. */
export type ConstChoice = (
  kernel: AnyKernel,
  params: Readonly<Record<string, number>>,
) => Readonly<Record<string, number>>;

/** Which of a kernel's variants a plan uses. */
export interface Variants {
  /** Constants to use for a kernel instead of its defaults; those tuned here when left out. */
  readonly consts?: ConstChoice;
  /** Whether kernels may use subgroups where the device has them; true when left out. */
  readonly subgroups?: boolean;
  /**
   * Who multiplies the matrices that products of f16 are made of: nobody where false, so that they
   * are products like others. When left out, subgroups if the device can, else nobody.
   */
  readonly matrices?: MatricesBy | false;
}

/** One dispatch, ready to encode. */
export interface Step {
  readonly dispatch: Dispatch;
  readonly label: string;
  readonly consts: Readonly<Record<string, number>>;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly grid: readonly [number, number, number];
}

const UNIFORM_ALIGNMENT = 256; // WebGPU's default minUniformBufferOffsetAlignment

/** All parameters of all dispatches, each at its own aligned offset. */
export function packParams(order: readonly Dispatch[]): { data: Uint32Array; offsets: number[] } {
  const offsets: number[] = [];
  let size = 0;
  for (const { kernel } of order) {
    offsets.push(size);
    const bytes = Math.max(Object.keys(kernel.params).length, 1) * WORD_BYTES;
    size += Math.ceil(bytes / UNIFORM_ALIGNMENT) * UNIFORM_ALIGNMENT;
  }
  const data = new ArrayBuffer(Math.max(size, UNIFORM_ALIGNMENT));
  const words = new DataView(data);
  order.forEach(({ kernel, params }, i) => {
    Object.entries(kernel.params).forEach(([name, type], field) => {
      const at = offsets[i]! + field * WORD_BYTES;
      const value = params[name] as number;
      if (type === "f32") words.setFloat32(at, value, true);
      else if (type === "i32") words.setInt32(at, value, true);
      else words.setUint32(at, value, true);
    });
  });
  return { data: new Uint32Array(data), offsets };
}

function bindGroup(
  device: Device,
  step: Pick<Step, "dispatch" | "label" | "pipeline">,
  buffers: Buffers,
  offset: number,
): GPUBindGroup {
  const { kernel, reads, writes, ranges } = step.dispatch;
  const entries: GPUBindGroupEntry[] = Object.keys(kernel.bindings).map((name, i) => {
    const { storage } = (writes[name] ?? reads[name]) as Tensor;
    const region = buffers.regionOf(storage);
    const { offset, size } = ranges?.[name] ?? { offset: 0, size: buffers.boundBytes(storage) };
    return { binding: i + 1, resource: { ...region, offset: region.offset + offset, size } };
  });
  const fields = Object.keys(kernel.params).length;
  if (fields > 0) {
    const resource = { buffer: buffers.params, offset, size: fields * WORD_BYTES };
    entries.unshift({ binding: 0, resource });
  }
  const layout = step.pipeline.getBindGroupLayout(0);
  return device.gpu.createBindGroup({ label: step.label, layout, entries });
}

function gridOf({ kernel, params }: Dispatch, consts: Step["consts"]): Step["grid"] {
  const [x = 1, y = 1, z = 1] = kernel.grid({ ...params, ...consts } as never);
  return [x, y, z];
}

/** A step with some constants replaced: another pipeline and grid over the same buffers. */
export async function withConsts(
  device: Device,
  step: Step,
  replaced: Step["consts"],
): Promise<Step> {
  const { kernel } = step.dispatch;
  const consts = { ...step.consts, ...replaced };
  const pipeline = await device.pipeline(kernel, consts);
  const grid = gridOf(step.dispatch, consts);
  return { ...step, label: labelOf(kernel, consts), consts, pipeline, grid };
}

/** The kernel that stands for the one a dispatch describes, on a device. */
function variantOf(
  device: Device,
  { kernel, options }: Dispatch,
  { subgroups = true, matrices = device.matrices && "subgroup" }: Variants,
): AnyKernel {
  const product =
    matrices && options.ELEMENT === HALF_BITS ? forMatrices(kernel, matrices) : undefined;
  const size = subgroups ? device.subgroupSize : 0;
  return product ?? (size > 0 ? forSubgroups(kernel, size) : kernel);
}

/** Options as a device can meet them: elements of f16 are kept as f32 where there is no f16. */
function optionsOn({ half }: Device, { options }: Dispatch): Dispatch["options"] {
  return options.ELEMENT === HALF_BITS && !half ? { ...options, ELEMENT: 8 * WORD_BYTES } : options;
}

/** Pipelines (in parallel), bind groups and grids of all dispatches. */
export async function buildSteps(
  device: Device,
  order: readonly Dispatch[],
  buffers: Buffers,
  offsets: readonly number[],
  variants: Variants,
): Promise<Step[]> {
  const { consts: choose } = variants;
  const compiled = await Promise.all(
    order.map(async (described) => {
      const kernel = variantOf(device, described, variants);
      const dispatch = { ...described, kernel, options: optionsOn(device, described) };
      const chosen = choose ? choose(kernel, dispatch.params) : await tunedConsts(device, dispatch);
      const fitted = kernel.fit?.(dispatch.params as never);
      const consts = { ...defaults(kernel), ...fitted, ...chosen, ...dispatch.options };
      const label = labelOf(kernel, consts);
      return { dispatch, label, consts, pipeline: await device.pipeline(kernel, consts) };
    }),
  );
  const { gpu } = device;
  gpu.pushErrorScope("validation");
  const steps = compiled.map((step, i): Step => {
    const group = bindGroup(device, step, buffers, offsets[i]!);
    return { ...step, group, grid: gridOf(step.dispatch, step.consts) };
  });
  const error = await device.until(gpu.popErrorScope());
  if (error) throw new Error(`plan: ${error.message}`);
  return steps;
}

/** Encode dispatches into a pass. */
export function encode(pass: GPUComputePassEncoder, steps: readonly Step[]): void {
  for (const { pipeline, group, grid } of steps) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
  }
}
