/** Everything that a case promises, on whatever adapter there is. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, hold, openDevice, overwrite, release } from "../engine/device.ts";
import { vjp } from "../engine/grad.ts";
import { constant, type HostArray, type HostData, type Tensor } from "../engine/graph.ts";
import { orderDispatches } from "../engine/order.ts";
import { compile, type PlanOptions, type Program } from "../engine/plan.ts";
import { fold, keyOf, stream } from "../engine/random.ts";
import { ShapeError } from "../engine/shape.ts";
import type { Step } from "../engine/steps.ts";
import { searchSpace } from "../kernels/kernel.ts";
import {
  type Array64,
  type Case,
  differentiable,
  named,
  operandData,
  operandTensors,
  type Shapes,
} from "./case.ts";
import { loadCases } from "./cases.ts";
import { differences, worstError } from "./check.ts";

const cases = await loadCases();
let device: Device;
let least: Device;
beforeAll(async () => {
  device = await openDevice();
  least = await openDevice(undefined, { least: true });
});
afterAll(() => {
  device.close();
  least.close();
});

const to64 = (shape: readonly number[], data: HostData): Array64 => ({
  shape,
  data: Float64Array.from(data),
});

/** A program with every output and every gradient of a case, and what they must be near. */
interface Trial {
  readonly on: Device;
  readonly operands: Record<string, Tensor>;
  readonly data: Record<string, HostData>;
  readonly program: Program;
  readonly expected: Readonly<Record<string, Array64>>;
  readonly cotangents: Record<string, Float64Array>;
  readonly wrt: readonly string[];
}

function trial(definition: Case, shapes: Shapes<string>, on = device): Trial {
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
async function results(t: Trial, options?: PlanOptions, repeats = 1) {
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

function expectValues(t: Trial, found: Record<string, HostData>, limit: number, what = "") {
  for (const [name, expected] of Object.entries(t.expected)) {
    const { error, text } = worstError(found[name]!, expected.data);
    expect(error, `${what}${name}${text}`).toBeLessThanOrEqual(limit);
  }
}

function expectGradients(definition: Case, shapes: Shapes<string>, t: Trial, found: typeof t.data) {
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

/** The kernels of some steps, and those they replaced for the sake of subgroups. */
function variants(t: Trial, steps: readonly Step[]) {
  const used = new Set(steps.map((step) => step.dispatch.kernel));
  const described = orderDispatches(Object.values(t.program.outputs)).map((d) => d.kernel);
  const replaced = new Set(described.filter((kernel) => !used.has(kernel)));
  return [
    ...[...used].map((kernel) => ({ kernel, subgroups: true })),
    ...[...replaced].map((kernel) => ({ kernel, subgroups: false })),
  ];
}

/** Variants whose constants were varied already. */
const varied = new Set<string>();

/**
 * Whether a case is where a kernel's constants are varied: the first case of the op that its folder
 * is named after, or else the first that launches it. Compiling every choice in every case takes
 * long.
 */
function isHome({ name, source }: Step["dispatch"]["kernel"], op: string): boolean {
  const plain = (text: string) => text.replaceAll("_", "").toLowerCase();
  const ops = [...cases.keys()].map((key) => plain(key.split(".")[0]!));
  const folder = plain(source.pathname.split("/").at(-2)!);
  const elsewhere = ops.includes(folder) && plain(op.split(".")[0]!) !== folder;
  if (elsewhere || varied.has(name)) return false;
  varied.add(name);
  return true;
}

/** For compiling every choice of constants on two cores. */
const LONG_MS = 300_000;

const title = (shapes: Shapes<string>) =>
  Object.entries(shapes)
    .map(([name, shape]) => `${name}[${shape.join(",")}]`)
    .join(" ");

for (const [op, definition] of cases)
  describe(op, () => {
    for (const shapes of definition.shapes)
      it(`is right, deterministic and within bounds: ${title(shapes)}`, async () => {
        const t = trial(definition, shapes);
        const { runs, overruns } = await results(t, { guard: true }, 2);
        expectValues(t, runs[0]!, definition.tolerance.relative);
        expectGradients(definition, shapes, t, runs[0]!);
        expect(overruns, "written beyond their end").toEqual([]);
        expect(runs[1], "the second run").toEqual(runs[0]);
        release(device, t.operands);
      });

    it(
      "is right on a device with no optional feature and WebGPU's least limits",
      async () => {
        const shapes = definition.shapes.at(-1)!;
        const t = trial(definition, shapes, least);
        const { runs, overruns } = await results(t, { guard: true });
        expectValues(t, runs[0]!, definition.tolerance.relative);
        expectGradients(definition, shapes, t, runs[0]!);
        expect(overruns, "written beyond their end").toEqual([]);
        release(least, t.operands);
      },
      LONG_MS,
    );

    it(
      "gives the same values with every choice of constants, the same bits where it should",
      async () => {
        const shapes = definition.shapes.at(-1)!;
        const t = trial(definition, shapes);
        const { runs, steps } = await results(t);
        expectValues(t, runs[0]!, definition.tolerance.relative);
        const { relative, gradient = relative } = definition.tolerance;
        const compare = async (what: string, options: PlanOptions) => {
          const other = await results(t, options);
          expectValues(t, other.runs[0]!, relative, what);
          for (const name of t.wrt) {
            const before = Float64Array.from(runs[0]![`d${name}`]!);
            const { error, text } = worstError(other.runs[0]![`d${name}`]!, before);
            expect(error, `${what}d${name}${text}`).toBeLessThanOrEqual(2 * gradient);
          }
          return other.runs[0]!;
        };
        const all = variants(t, steps);
        for (const { kernel, subgroups } of all.filter((own) => isHome(own.kernel, op))) {
          const byOrder = new Map<string, Record<string, HostData>>();
          for (const consts of searchSpace(kernel)) {
            const choose: PlanOptions["consts"] = (k) => (k === kernel ? consts : {});
            const what = `${kernel.name} ${JSON.stringify(consts)} `;
            const found = await compare(what, { consts: choose, subgroups });
            const order = JSON.stringify(kernel.reorders?.map((name) => consts[name]));
            if (!byOrder.has(order)) byOrder.set(order, found);
            expect(found, `${what}: bits of the same summation order`).toEqual(byOrder.get(order));
          }
        }
        release(device, t.operands);
      },
      LONG_MS,
    );

    for (const shapes of definition.rejects ?? [])
      it(`refuses ${title(shapes)}`, () => {
        const operands = operandTensors(definition, shapes);
        expect(() => definition.run(operands)).toThrow(ShapeError);
      });
  });
