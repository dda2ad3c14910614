/** Every kernel variant and every choice of its constants, through the ops that launch it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Device, openDevice, release } from "../engine/device.ts";
import type { HostData } from "../engine/graph.ts";
import { orderDispatches } from "../engine/order.ts";
import type { PlanOptions } from "../engine/plan.ts";
import type { Step } from "../engine/steps.ts";
import { searchSpace } from "../kernels/kernel.ts";
import type { Case } from "./case.ts";
import { loadCases } from "./cases.ts";
import { worstError } from "./check.ts";
import { expectValues, results, type Trial, trial } from "./trial.ts";

const cases = await loadCases();
let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

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

/** A trial's results with other plan options, held to those it began with. */
async function compare(
  { tolerance: { relative, gradient = relative } }: Case,
  t: Trial,
  first: Record<string, HostData>,
  what: string,
  options: PlanOptions,
) {
  const found = (await results(t, options)).runs[0]!;
  expectValues(t, found, relative, what);
  for (const name of t.wrt) {
    const before = Float64Array.from(first[`d${name}`]!);
    const { error, text } = worstError(found[`d${name}`]!, before);
    expect(error, `${what}d${name}${text}`).toBeLessThanOrEqual(2 * gradient);
  }
  return found;
}

/** For compiling every choice of constants on two cores. */
const LONG_MS = 300_000;

for (const [op, definition] of cases)
  it(
    `${op} gives the same values with every choice of constants, the same bits where it should`,
    async () => {
      const t = trial(definition, definition.shapes.at(-1)!, device);
      const { runs, steps } = await results(t);
      expectValues(t, runs[0]!, definition.tolerance.relative);
      const all = variants(t, steps);
      for (const { kernel, subgroups } of all.filter((own) => isHome(own.kernel, op))) {
        const byOrder = new Map<string, Record<string, HostData>>();
        for (const consts of searchSpace(kernel)) {
          const choose: PlanOptions["consts"] = (k) => (k === kernel ? consts : {});
          const what = `${kernel.name} ${JSON.stringify(consts)} `;
          const found = await compare(definition, t, runs[0]!, what, {
            consts: choose,
            subgroups,
          });
          const order = JSON.stringify(kernel.reorders?.map((name) => consts[name]));
          if (!byOrder.has(order)) byOrder.set(order, found);
          expect(found, `${what}: bits of the same summation order`).toEqual(byOrder.get(order));
        }
      }
      release(device, t.operands);
    },
    LONG_MS,
  );
