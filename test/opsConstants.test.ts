/**
 * Every kernel variant and every choice of its constants, through the ops that launch it. llvmpipe
 * takes up to half a minute to compile a large tile in workgroup memory, which only GPUs use: of
 * those it tries the smallest, of f16, which SwiftShader has not; SwiftShader tries them all.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Device, openDevice } from "../engine/device.ts";
import type { HostData } from "../engine/graph.ts";
import { release } from "../engine/held.ts";
import { arrange } from "../engine/outline.ts";
import type { PlanOptions } from "../engine/plan.ts";
import type { Step } from "../engine/steps.ts";
import { type AnyKernel, forMatrices, HALF_BITS, searchSpace } from "../kernels/kernel.ts";
import type { Case } from "./case.ts";
import { loadCases } from "./cases.ts";
import { worstError } from "./check.ts";
import { expectValues, results, type Trial, tilesShared, trial } from "./trial.ts";

const cases = await loadCases();
let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** What stands for a dispatch's kernel here, or could. */
interface Variant {
  readonly kernel: AnyKernel;
  readonly half: boolean;
  /** Its name, and whether its elements are f16. */
  readonly title: string;
  /** How a plan is built that uses it. */
  readonly how: PlanOptions;
}

/** The kernels of some steps, those that they replaced, and matrices of f16 by plain threads. */
function variants(t: Trial, steps: readonly Step[]): Variant[] {
  const found = new Map<string, Variant>();
  arrange(t.program, t.on.half).order.forEach(({ kernel, options }, place) => {
    const half = options.ELEMENT === HALF_BITS && t.on.half;
    const add = (other: AnyKernel | undefined, how: PlanOptions) => {
      if (!other) return;
      const title = `${other.name}${half ? " of f16" : ""}`;
      if (!found.has(title)) found.set(title, { kernel: other, half, title, how });
    };
    add(steps[place]!.dispatch.kernel, {});
    add(kernel, { subgroups: false, matrices: false });
    if (half) add(forMatrices(kernel, "threads"), { matrices: "threads" });
  });
  return [...found.values()];
}

/** Variants whose constants were varied already. */
const varied = new Set<string>();

/**
 * Whether a case is where a kernel's constants are varied: the first case of the op that its folder
 * is named after, or else the first that launches it. Compiling every choice in every case takes
 * long.
 */
function isHome({ kernel, title }: Variant, op: string): boolean {
  const plain = (text: string) => text.replaceAll("_", "").toLowerCase();
  const ops = [...cases.keys()].map((key) => plain(key.split(".")[0]!));
  const folder = plain(kernel.source.pathname.split("/").at(-2)!);
  const elsewhere = ops.includes(folder) && plain(op.split(".")[0]!) !== folder;
  if (elsewhere || varied.has(title)) return false;
  varied.add(title);
  return true;
}

/** The constants to try. */
function choicesOf({ kernel, half }: Variant): Record<string, number>[] {
  const all = searchSpace(kernel);
  if (!tilesShared(kernel) || !device.name.includes("llvmpipe")) return all;
  return half ? all.slice(-1) : [];
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
      for (const variant of variants(t, steps).filter((own) => isHome(own, op))) {
        const { kernel, how } = variant;
        const byOrder = new Map<string, Record<string, HostData>>();
        for (const consts of choicesOf(variant)) {
          const choose: PlanOptions["consts"] = (k) => (k === kernel ? consts : {});
          const what = `${variant.title} ${JSON.stringify(consts)} `;
          const plan = { ...how, consts: choose };
          const found = await compare(definition, t, runs[0]!, what, plan);
          const order = JSON.stringify(kernel.reorders?.map((name) => consts[name]));
          if (!byOrder.has(order)) byOrder.set(order, found);
          expect(found, `${what}: bits of the same summation order`).toEqual(byOrder.get(order));
        }
      }
      release(device, t.operands);
    },
    LONG_MS,
  );
