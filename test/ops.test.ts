/** Every op's values, gradients, bounds and errors, on whatever adapter there is. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, openDevice } from "../engine/device.ts";
import { release } from "../engine/held.ts";
import { ShapeError } from "../engine/shape.ts";
import { operandTensors } from "./case.ts";
import { loadCases } from "./cases.ts";
import { expectGradients, expectValues, results, title, trial, waysOf } from "./trial.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

for (const [op, definition] of await loadCases())
  describe(op, () => {
    for (const shapes of definition.shapes)
      it(`is right, deterministic and in bounds: ${title(shapes)}`, async () => {
        const t = trial(definition, shapes, device);
        for (const how of waysOf(t)) {
          const { runs, overruns } = await results(t, { ...how, guard: true }, 2);
          expectValues(t, runs[0]!, definition.tolerance.relative);
          expectGradients(definition, shapes, t, runs[0]!);
          expect(overruns, "written beyond their end").toEqual([]);
          expect(runs[1], "the second run").toEqual(runs[0]);
        }
        release(device, t.operands);
      });

    for (const shapes of definition.rejects ?? [])
      it(`refuses ${title(shapes)}`, () => {
        const operands = operandTensors(definition, shapes);
        expect(() => definition.run(operands)).toThrow(ShapeError);
      });
  });
