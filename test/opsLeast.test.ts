/**
 * Every op on a device with no optional feature and WebGPU's least limits: one without subgroups,
 * which multiplies by tiles in workgroup memory. llvmpipe always has subgroups and takes up to half
 * a minute to compile a large tile, so SwiftShader stands in for it; there tiles that can be
 * chosen, 3 s each, are the smallest; elsewhere the first choice.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Device, openDevice } from "../engine/device.ts";
import { release } from "../engine/held.ts";
import type { PlanOptions } from "../engine/plan.ts";
import { searchSpace } from "../kernels/kernel.ts";
import { loadCases } from "./cases.ts";
import { expectGradients, expectValues, results, tilesShared, title, trial } from "./trial.ts";

let device: Device;
let first: Device; // open to the end: another driver, opened while one is let go of, may crash
beforeAll(async () => {
  first = await openDevice(undefined, { least: true });
  const slow = first.name.includes("llvmpipe");
  device = slow ? await openDevice("swiftshader", { least: true }) : first;
});
afterAll(() => {
  device.close();
  if (first !== device) first.close();
});

const smallTiles: PlanOptions["consts"] = (kernel) =>
  tilesShared(kernel) && device.software ? searchSpace(kernel).at(-1)! : {};

for (const [op, definition] of await loadCases()) {
  const shapes = definition.shapes.at(-1)!;
  it(`${op} is right without features: ${title(shapes)}`, async () => {
    const t = trial(definition, shapes, device);
    const { runs, overruns } = await results(t, { guard: true, consts: smallTiles });
    expectValues(t, runs[0]!, definition.tolerance.relative);
    expectGradients(definition, shapes, t, runs[0]!);
    expect(overruns, "written beyond their end").toEqual([]);
    release(device, t.operands);
  });
}
