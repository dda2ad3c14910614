/** A case of an op made into a program, run, and compared with its definition in float64. */
import { expect } from "vitest";
import type { Device } from "../engine/device.ts";
import { vjp } from "../engine/grad.ts";
import { constant, type HostArray, type HostData, type Tensor } from "../engine/graph.ts";
import { hold, overwrite } from "../engine/held.ts";
import { orderDispatches } from "../engine/order.ts";
import { compile, type PlanOptions, type Program } from "../engine/plan.ts";
import { fold, keyOf, stream } from "../engine/random.ts";
import { type AnyKernel, HALF_BITS } from "../kernels/kernel.ts";
import {
  type Array64,
  type Case,
  differentiable,
  named,
  operandData,
  type Shapes,
} from "./case.ts";
import { differences, worstError } from "./check.ts";

const to64 = (shape: readonly number[], data: HostData): Array64 => ({
  shape,
  data: Float64Array.from(data),
});

/** A program with every output and every gradient of a case, and what they must be near. */
export interface Trial {
  readonly on: Device;
  readonly operands: Record<string, Tensor>;
  readonly data: Record<string, HostData>;
  readonly program: Program;
  readonly expected: Readonly<Record<string, Array64>>;
  readonly cotangents: Record<string, Float64Array>;
  readonly wrt: readonly string[];
}

export function trial(definition: Case, shapes: Shapes<string>, on: Device): Trial {
  const data = operandData(definition, shapes);
  const arrays = Object.fromEntries(
    Object.entries(data).map(([name, d]): [string, HostArray] => [
      name,
      { shape: shapes[name]!, data: d },
    ]),
  );
  const operands = hold(on, arrays) as Record<string, Tensor>;
  const outputs = named<Tensor>(definition.run(operands));
  const wrt = differentiable(definition, operands);
  const pairs: [Tensor, Tensor][] = [];
  const cotangents: Record<string, Float64Array> = {};
  Object.entries(outputs).forEach(([name, y], place) => {
    if (!y.gradient) return;
    const draws = stream(fold(keyOf(2), place));
    const dy = Float32Array.from({ length: y.storage.elements }, () => draws.normal());
    cotangents[name] = Float64Array.from(dy);
    pairs.push([y, constant(dy, y.shape)]);
  });
  const gradients = vjp(
    pairs,
    wrt.map((name) => operands[name]!),
  );
  const named64 = Object.entries(data).map(([k, d]) => [k, to64(shapes[k]!, d)]);
  const gradientOutputs = wrt.map((name, i): [string, Tensor] => {
    if (!gradients[i]) throw new Error(`no gradient reaches ${name}`);
    return [`d${name}`, gradients[i]];
  });
  return {
    on,
    operands,
    data,
    program: { outputs: { ...outputs, ...Object.fromEntries(gradientOutputs) } },
    expected: named<Array64>(definition.reference(Object.fromEntries(named64))),
    cotangents,
    wrt,
  };
}

/** Run a trial's program from its initial operands and read everything. */
export async function results(t: Trial, options?: PlanOptions, repeats = 1) {
  const plan = await compile(t.on, t.program, options);
  const runs: Record<string, HostData>[] = [];
  for (let i = 0; i < repeats; i++) {
    for (const [name, tensor] of Object.entries(t.operands)) overwrite(t.on, tensor, t.data[name]!);
    plan.run();
    runs.push(await plan.read());
  }
  const overruns = options?.guard ? await plan.overruns() : [];
  plan.destroy();
  return { runs, overruns, steps: plan.steps };
}

export function expectValues(t: Trial, found: Record<string, HostData>, limit: number, what = "") {
  for (const [name, expected] of Object.entries(t.expected)) {
    const { error, text } = worstError(found[name]!, expected.data);
    expect(error, `${what}${name}${text}`).toBeLessThanOrEqual(limit);
  }
}

export function expectGradients(
  definition: Case,
  shapes: Shapes<string>,
  t: Trial,
  found: typeof t.data,
) {
  const { relative, gradient = relative } = definition.tolerance;
  const operands = Object.fromEntries(
    Object.entries(t.data).map(([name, d]) => [name, to64(shapes[name]!, d)]),
  );
  for (const name of t.wrt) {
    const slopes = differences(definition, operands, t.cotangents, name);
    const actual = found[`d${name}`]!;
    const picked = Float32Array.from(slopes.keys(), (i) => actual[i]!);
    const { error, text } = worstError(picked, Float64Array.from(slopes.values()));
    // The differences themselves are good to about 1e-9 of the sum they are taken of.
    expect(error, `d${name}, sampled${text}`).toBeLessThanOrEqual(gradient + 1e-8);
  }
}

/** How a trial's plans are built: where matrices of f16 are multiplied, by plain threads too. */
export function waysOf({ program, on }: Trial): PlanOptions[] {
  const dispatches = orderDispatches(Object.values(program.outputs));
  const matrices = dispatches.some((d) => d.options.ELEMENT === HALF_BITS && d.kernel.matrices);
  return matrices && on.half ? [{}, { matrices: "threads" }] : [{}];
}

/** Whether a kernel multiplies by tiles in workgroup memory; its last choice is the smallest. */
export const tilesShared = ({ uses }: AnyKernel) => uses.includes("product_shared");

/** The shapes of a case's operands as a test's name shows them. */
export const title = (shapes: Shapes<string>) =>
  Object.entries(shapes)
    .map(([name, shape]) => `${name}[${shape.join(",")}]`)
    .join(" ");
