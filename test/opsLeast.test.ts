/** Every op on a device with no optional feature and WebGPU's least limits. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Device, openDevice, release } from "../engine/device.ts";
import { loadCases } from "./cases.ts";
import { expectGradients, expectValues, results, title, trial, waysOf, wayTitle } from "./trial.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice(undefined, { least: true });
});
afterAll(() => device.close());

for (const [op, definition] of await loadCases()) {
  const shapes = definition.shapes.at(-1)!;
  for (const how of waysOf(definition))
    it(`${op} is right without features${wayTitle(how)}: ${title(shapes)}`, async () => {
      const t = trial(definition, shapes, device);
      const { runs, overruns } = await results(t, { ...how, guard: true });
      expectValues(t, runs[0]!, definition.tolerance.relative);
      expectGradients(definition, shapes, t, runs[0]!);
      expect(overruns, "written beyond their end").toEqual([]);
      release(device, t.operands);
    });
}
