/** When a convolution goes by Winograd's way, in parts where it is large, and what it rounds to. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quickNormals, quickStream } from "../bench/quickStream.ts";
import { type Device, openDevice } from "../engine/device.ts";
import { vjp } from "../engine/grad.ts";
import { type HostData, product, state, type Tensor } from "../engine/graph.ts";
import { hold, release } from "../engine/held.ts";
import { type Conv2dOptions, conv2d } from "../engine/ops/conv2d.ts";
import { orderDispatches } from "../engine/order.ts";
import { compile } from "../engine/plan.ts";
import { worstError } from "./check.ts";
import * as cases from "./ops/conv2d.ts";
import { results, trial } from "./trial.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** The names of the kernels that make a convolution and its dx, without "conv2d_". */
function kernelsOf(x: readonly number[], weight: readonly number[], options: Conv2dOptions) {
  const [images, bank] = [state("x", x), state("weight", weight)];
  const y = conv2d(images, bank, options);
  const [dx] = vjp([[y, state("dy", y.shape)]], [images]) as [Tensor];
  return orderDispatches([y, dx]).map(({ kernel }) => kernel.name.replace(/^conv2d_/, ""));
}

const PLAIN = ["conv2d", "dx"];
const ONCE = ["winograd_filter", "winograd_input", "matmul", "winograd_output"];
const padding = 1;

describe("a convolution", () => {
  it("goes by Winograd's way both ways where that saves much", () => {
    for (const [x, o] of [
      [[4, 56, 56, 64], 64],
      [[4, 14, 14, 256], 256],
      [[16, 7, 7, 512], 512],
      [[128, 8, 8, 64], 64],
    ] as const)
      expect(kernelsOf(x, [3, 3, x[3], o], { padding })).toEqual([...ONCE, ...ONCE]);
  });

  it("does not with few channels or tiles, half empty tiles, or a bank no device binds", () => {
    for (const [x, o] of [
      [[64, 16, 16, 32], 32],
      [[4, 7, 7, 512], 512],
      [[64, 5, 5, 128], 128],
      [[128, 2, 2, 512], 512],
      [[64, 14, 14, 1024], 1024],
    ] as const)
      expect(kernelsOf(x, [3, 3, x[3], o], { padding })).toEqual(PLAIN);
  });

  it("does not with other kernels or strides, or where it must not", () => {
    const x = [4, 56, 56, 64];
    expect(kernelsOf(x, [3, 3, 64, 64], { padding, winograd: false })).toEqual(PLAIN);
    expect(kernelsOf(x, [3, 3, 64, 64], { winograd: true })).toEqual(PLAIN);
    expect(kernelsOf(x, [3, 3, 64, 64], { padding, stride: 2, winograd: true })).toEqual(PLAIN);
    expect(kernelsOf(x, [1, 3, 64, 64], { padding, winograd: true })).toEqual(PLAIN);
  });
});

const normals = (shape: readonly number[], place: number) => ({
  shape,
  data: quickNormals(product(shape), quickStream(place)),
});

it("gives the same in parts, of tiles that would take more than 32 MiB at once", async () => {
  const operands = {
    x: normals([1, 29, 30, 4096], 1),
    weight: normals([3, 3, 4096, 1], 2),
    dy: normals([1, 29, 30, 1], 3),
  };
  const { x, weight, dy } = hold(device, operands);
  const found: Record<string, HostData>[] = [];
  for (const winograd of [true, false]) {
    const y = conv2d(x, weight, { padding, winograd });
    const [dx] = vjp([[y, dy]], [x]) as [Tensor];
    const plan = await compile(device, { outputs: { y, dx } });
    const parts = plan.steps.filter(({ label }) => label.startsWith("conv2d_winograd_input"));
    expect(parts.length).toBe(winograd ? 4 : 0); // two each way
    plan.run();
    found.push(await plan.read());
    plan.destroy();
  }
  // Errors of sums grow as √terms: 36864 for the 600 of the case, and by dx few.
  for (const [name, limit] of [
    ["y", 8 * cases.winograd.tolerance.relative],
    ["dx", cases.winograd.tolerance.relative],
  ] as const) {
    const { error, text } = worstError(found[0]![name]!, Float64Array.from(found[1]![name]!));
    expect(error, `${name}${text}`).toBeLessThanOrEqual(limit);
  }
  release(device, [x, weight, dy]);
});

it("rounds to about twice the error of plain sums at 64 channels", async () => {
  const shapes = { x: [1, 12, 12, 64], weight: [3, 3, 64, 64] };
  const errors: number[] = [];
  for (const definition of [cases.winograd, cases.same]) {
    const t = trial({ ...definition, differentiable: [] }, shapes, device);
    const y = (await results(t)).runs[0]!.y!;
    const expected = t.expected.y!.data;
    const squares = expected.map((exact, i) => (y[i]! - exact) ** 2);
    errors.push(Math.sqrt(squares.reduce((sum, square) => sum + square)));
    release(device, t.operands);
  }
  expect(errors[0]! / errors[1]!).toBeLessThan(3);
});
