/**
 * Every op on a device with no optional feature and WebGPU's least limits. SwiftShader takes 3 s to
 * compile a large tile, so there kernels that have a choice of tiles take the last, their smallest;
 * elsewhere the first.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Device, openDevice, release } from "../engine/device.ts";
import type { PlanOptions } from "../engine/plan.ts";
import { searchSpace } from "../kernels/kernel.ts";
import { loadCases } from "./cases.ts";
import { expectGradients, expectValues, results, title, trial, waysOf, wayTitle } from "./trial.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice(undefined, { least: true });
});
afterAll(() => device.close());

const smallTiles: PlanOptions["consts"] = (kernel) =>
  kernel.uses.includes("product_shared") && device.name.includes("SwiftShader")
    ? searchSpace(kernel).at(-1)!
    : {};

for (const [op, definition] of await loadCases()) {
  const shapes = definition.shapes.at(-1)!;
  for (const how of waysOf(definition))
    it(`${op} is right without features${wayTitle(how)}: ${title(shapes)}`, async () => {
      const t = trial(definition, shapes, device);
      const { runs, overruns } = await results(t, { ...how, guard: true, consts: smallTiles });
      expectValues(t, runs[0]!, definition.tolerance.relative);
      expectGradients(definition, shapes, t, runs[0]!);
      expect(overruns, "written beyond their end").toEqual([]);
      release(device, t.operands);
    });
}
