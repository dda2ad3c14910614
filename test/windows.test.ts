/** Operands that are larger than a binding: the same results, window by window. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, openDevice } from "../engine/device.ts";
import { input, state } from "../engine/graph.ts";
import { hold, release } from "../engine/held.ts";
import { nearest } from "../engine/ops/nearest.ts";
import { compile } from "../engine/plan.ts";
import type { Case, Shapes } from "./case.ts";
import gatherRows from "./ops/gatherRows.ts";
import whole, * as search from "./ops/nearest.ts";
import ringPush from "./ops/ringPush.ts";
import { expectValues, results, title, trial } from "./trial.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** The device as if a binding held so few bytes. */
const binding = (bytes: number): Device => ({ ...device, bindingBytes: bytes });

interface Windowed {
  readonly definition: Case;
  readonly shapes: Shapes<string>;
  /** Bytes that a binding may hold. */
  readonly bytes: number;
  /** Launches of each kernel. */
  readonly launches: readonly number[];
}

const PART = 128; // rows of the pool in a part, at these sizes

/** Searches with each of their shapes' pools in windows of one part, and of two. */
const searches = ([1, 2] as const).flatMap((parts) =>
  [whole, search.ties, search.countOf130, search.countOf1, search.countOf0, search.nan].map(
    (definition): Windowed => {
      const shapes = definition.shapes.at(-1) as Shapes<"queries" | "pool">;
      const [P, D] = shapes.pool as [number, number];
      const windows = Math.ceil(P / (parts * PART));
      return { definition, shapes, bytes: parts * PART * D * 4 + 60, launches: [windows, 1] };
    },
  ),
);

const copies: Windowed[] = [
  {
    definition: { ...gatherRows, differentiable: [] },
    shapes: { table: [200, 8], ids: [3, 11] },
    bytes: 64 * 8 * 4,
    launches: [4],
  },
  {
    definition: ringPush as Case,
    shapes: { ring: [200, 8], ringIds: [200], cursor: [2], rows: [31, 8], ids: [31] },
    bytes: 128 * 8 * 4,
    launches: [2, 1],
  },
];

describe("what no binding holds whole", () => {
  for (const { definition, shapes, bytes, launches } of [...searches, ...copies])
    for (const subgroups of [true, false])
      it(`is right in windows of ${bytes} bytes${subgroups ? "" : ", no subgroups"}: ${title(
        shapes,
      )}`, async () => {
        const t = trial(definition, shapes, binding(bytes));
        const { runs, overruns, steps } = await results(t, { guard: true, subgroups }, 2);
        expectValues(t, runs[0]!, definition.tolerance.relative);
        expect(overruns).toEqual([]);
        const { runs: once } = await results({ ...t, on: device }, { subgroups });
        expect(runs, "as in one binding").toEqual([once[0], once[0]]);
        const kernels = [...new Set(steps.map(({ dispatch }) => dispatch.kernel))];
        const counts = kernels.map((k) => steps.filter((s) => s.dispatch.kernel === k).length);
        expect(counts).toEqual(launches);
        for (const { ranges = {} } of steps.map(({ dispatch }) => dispatch))
          for (const { size } of Object.values(ranges)) expect(size).toBeLessThanOrEqual(bytes);
        release(device, t.operands);
      });

  it("is refused where a kernel needs it whole, and where not one part fits", async () => {
    const queries = hold(device, { shape: [2, 8], data: new Float32Array(16) });
    const find = (pool: number[], bytes: number) =>
      compile(binding(bytes), { outputs: { ...nearest(queries, input("pool", pool)) } });
    await expect(find([300, 8], 127 * 32)).rejects.toThrow(
      `a tensor must fit one binding of ${127 * 32} bytes on ${device.name}; pool has 9600`,
    );
    const narrow = hold(device, { shape: [2, 7], data: new Float32Array(14) });
    const padded = nearest(narrow, input("pool", [300, 7]));
    await expect(compile(binding(128 * 32), { outputs: { ...padded } })).rejects.toThrow(
      "pool has 8400",
    );
  });

  it("is refused where no buffer holds it", async () => {
    const elements = device.gpu.limits.maxBufferSize; // four times as many bytes
    const pool = input("pool", [elements / 4 + 4, 4]);
    const queries = state("queries", [2, 4]);
    await expect(compile(device, { outputs: { ...nearest(queries, pool) } })).rejects.toThrow(
      /must fit one buffer of \d+ bytes/,
    );
  });
});
