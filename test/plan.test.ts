/** Ordering, memory and state: what a plan promises beyond the values of its ops. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { PEAK_RATIO } from "../bench/report/sections.ts";
import { configOf, STEP_SIZES, type StepSize } from "../bench/scale/step.ts";
import { type Device, openDevice } from "../engine/device.ts";
import { grad } from "../engine/grad.ts";
import { constant, input, launch, type Storage, state, type Tensor } from "../engine/graph.ts";
import { hold } from "../engine/held.ts";
import { conflictsOf, type Lifetime, layOut, lifetimesOf } from "../engine/memory.ts";
import { add } from "../engine/ops/add.ts";
import { cast } from "../engine/ops/cast.ts";
import { contrastiveLoss } from "../engine/ops/contrastiveLoss.ts";
import { sumRows } from "../engine/ops/rows.ts";
import { scale } from "../engine/ops/scale.ts";
import { orderDispatches } from "../engine/order.ts";
import { arrange } from "../engine/outline.ts";
import { compile } from "../engine/plan.ts";
import { readState } from "../engine/read.ts";
import { defineKernel } from "../kernels/kernel.ts";
import { describeState } from "../roclip/model.ts";
import { programOf } from "../roclip/programs.ts";
import type { StepKind } from "../roclip/schedule.ts";

/** x += y, in place: the smallest kernel with an `update` binding. */
const accumulateKernel = defineKernel({
  name: "accumulate",
  source: new URL("./accumulate.wgsl", import.meta.url),
  uses: [],
  bindings: { x: "update", y: "read" },
  params: { count: "u32" },
  consts: { WG: [64] },
  grid: ({ count, WG }) => [Math.ceil(count / WG)],
  cost: ({ count }) => ({ flops: count, bytes: 12 * count }),
});
const accumulate = (x: Tensor, y: Tensor) =>
  launch(accumulateKernel, { count: x.storage.elements }, { x, y }, {}).x;

describe("a plan's order", () => {
  it("holds only what the outputs need, in the order of creation", () => {
    const x = state("x", [4]);
    const a = add(x, x);
    add(a, x); // needed by nobody
    const b = add(a, a);
    expect(orderDispatches([b])).toEqual([a.producer, b.producer]);
  });

  it("has no dispatch for the sum of one row", () => {
    const x = state("x", [1, 4]);
    expect(orderDispatches([sumRows(x, [4])])).toEqual([]);
    expect(orderDispatches([sumRows(state("y", [2, 4]), [4])])).toHaveLength(1);
  });

  it("refuses to read a state after it was updated in place", () => {
    const x = state("x", [4]);
    const y = state("y", [4]);
    const updated = accumulate(x, y);
    const late = add(x, y);
    expect(() => orderDispatches([updated, late])).toThrow(
      "a reader of x must come before it is updated in place; add reads it after accumulate",
    );
    const early = add(y, y);
    expect(orderDispatches([early, updated])).toHaveLength(2);
  });
});

describe("a plan's memory", () => {
  const lifetime = fc
    .tuple(fc.integer({ min: 1, max: 99 }), fc.nat(20), fc.nat(6))
    .map(([elements, first, length]): Lifetime => {
      const storage: Storage = { kind: "slot", label: "t", dtype: "f32", elements };
      return { storage, bytes: 4 * elements, first, last: first + length };
    });

  const lay = (wanted: Tensor[]) => {
    const order = orderDispatches(wanted);
    return layOut(lifetimesOf(order, wanted), conflictsOf(order), 2 ** 30);
  };
  const overlap = (a: Lifetime, b: Lifetime) => a.first <= b.last && b.first <= a.last;

  it("has two bytes for an element of f16 where the device has them", () => {
    const y = cast(cast(input("x", [5]), "f16"), "f32");
    const bytes = (half: boolean) =>
      lifetimesOf(orderDispatches([y]), [y], half).map((lifetime) => lifetime.bytes);
    expect(bytes(true)).toEqual([12, 20]); // rounded up to what can be copied
    expect(bytes(false)).toEqual([20, 20]);
  });

  it("gives each tensor bytes that no other has in its lifetime, apart from what it is read with", () => {
    const lifetimes = fc.array(lifetime, { maxLength: 40 });
    const hostile = fc.array(fc.tuple(fc.nat(39), fc.nat(39)), { maxLength: 30 });
    fc.assert(
      fc.property(
        lifetimes,
        hostile,
        fc.integer({ min: 400, max: 4000 }),
        (tensors, pairs, max) => {
          const conflicts = new Map(tensors.map(({ storage }) => [storage, new Set<Storage>()]));
          for (const [i, j] of pairs) {
            const [a, b] = [tensors[i]?.storage, tensors[j]?.storage];
            if (a && b && a !== b)
              for (const [x, y] of [
                [a, b],
                [b, a],
              ] as const)
                conflicts.get(x)!.add(y);
          }
          const { placeOf, slotBytes, peakBytes, boundBytes } = layOut(tensors, conflicts, max);
          for (const a of tensors) {
            const { slot, offset } = placeOf.get(a.storage)!;
            const end = offset + 4 * a.storage.elements;
            expect(offset % 256).toBe(0);
            expect(end).toBeLessThanOrEqual(slotBytes[slot]!);
            expect(slotBytes[slot]!).toBeLessThanOrEqual(Math.max(max, 512));
            for (const b of tensors) {
              const other = placeOf.get(b.storage)!;
              if (a === b || slot !== other.slot || !overlap(a, b)) continue;
              expect(conflicts.get(a.storage)!.has(b.storage)).toBe(false);
              expect(other.offset >= end || other.offset + 4 * b.storage.elements <= offset).toBe(
                true,
              );
            }
          }
          expect(peakBytes).toBeGreaterThanOrEqual(boundBytes);
        },
      ),
      { seed: 1 },
    );
  });

  it("reuses a chain's slots and reports the bound", () => {
    const x = state("x", [1024]);
    let y = x;
    for (let i = 0; i < 10; i++) y = add(y, x);
    const { slotBytes, peakBytes, boundBytes } = lay([y]);
    expect(slotBytes).toEqual([4096, 4096]);
    expect([peakBytes, boundBytes]).toEqual([8192, 8192]);
  });

  it("keeps what a dispatch reads out of the slot that it writes", () => {
    const x = state("x", [64]);
    const [y, z] = [add(x, x), scale(x, 2)];
    const { placeOf } = lay([add(y, z)]);
    const read = [y, z].map((t) => placeOf.get(t.storage)!.slot);
    const written = [...placeOf].filter(
      ([storage]) => storage !== y.storage && storage !== z.storage,
    );
    expect(written).toHaveLength(1);
    expect(read).not.toContain(written[0]![1].slot);
  });

  for (const [B, share] of [
    [1024, 1 / 3],
    [8192, 1 / 5],
  ] as const)
    it(`holds less than ${share.toFixed(2)} of the similarities of a batch of ${B}`, () => {
      const images = state("images", [B, 8]);
      const texts = state("texts", [B, 8]);
      const logitScale = state("logitScale", []);
      const loss = contrastiveLoss(images, texts, logitScale);
      const gradients = grad(loss, { images, texts, logitScale });
      const wanted = [loss, ...Object.values(gradients)];
      const { peakBytes } = lay(wanted);
      expect(peakBytes).toBeLessThan(share * B * B * 4);
    });
});

describe("the memory of a training step", () => {
  /** Where its tensors lie, in the order in which they are first touched. */
  const layStep = (size: StepSize, kind: StepKind) => {
    const config = configOf(size);
    const state = describeState(config, config.vocabularySize, 5000);
    const { order, lifetimes } = arrange(programOf(kind, { config, state }), true);
    const { placeOf, ...layout } = layOut(lifetimes, conflictsOf(order), 2 ** 30);
    return { ...layout, places: lifetimes.map(({ storage }) => placeOf.get(storage)) };
  };

  for (const size of STEP_SIZES)
    for (const kind of ["plain", "matching"] as const)
      it(`is at most ${PEAK_RATIO} times the least possible, ${kind}, ${JSON.stringify(size)}`, () => {
        const { peakBytes, boundBytes } = layStep(size, kind);
        expect(peakBytes / boundBytes).toBeLessThanOrEqual(PEAK_RATIO);
      });

  it("is laid out the same whenever it is traced", () => {
    const size = { batch: 64, width: 3, depth: 1 };
    expect(layStep(size, "matching")).toEqual(layStep(size, "matching"));
  });
});

describe("grad", () => {
  it("wants a scalar and names a parameter that the loss does not depend on", () => {
    const used = state("used", [3]);
    expect(() => grad(used, { used })).toThrow("the loss must be a scalar");
    const loss = sumRows(used, []);
    expect(() => grad(loss, { used, head: [state("lost", [2])] })).toThrow("it does not on head.0");
  });
});

describe("a plan on a device", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.close());

  it("keeps state on the device between runs and shares it between plans", async () => {
    const held = hold(device, { x: { shape: [3], data: Float32Array.of(1, 2, 3) } });
    const y = input("y", [3]);
    const first = await compile(device, { outputs: {}, updates: accumulate(held.x, y) });
    const second = await compile(device, { outputs: { twice: add(held.x, held.x) } });
    first.run({ y: Float32Array.of(10, 20, 30) });
    first.run(); // inputs keep their data
    second.run();
    expect((await second.read()).twice).toEqual(Float32Array.of(42, 84, 126));
    expect((await readState(device, held)).x.data).toEqual(Float32Array.of(21, 42, 63));
    first.destroy();
    second.destroy();
  });

  it("allocates nothing in a run, nor in a small read after the first", async () => {
    const held = hold(device, { x: { shape: [3], data: Float32Array.of(1, 2, 3) } });
    const y = input("y", [3]);
    const outputs = { z: add(add(held.x, y), y) };
    const plan = await compile(device, { outputs, updates: accumulate(held.x, y) });
    const step = async () => {
      plan.run({ y: Float32Array.of(1, 1, 1) });
      return (await plan.read()).z;
    };
    await step();
    const { gpu } = device;
    const made = ["createBuffer", "createBindGroup", "createComputePipeline"] as const;
    const spies = made.map((method) => vi.spyOn(gpu, method));
    expect(await step()).toEqual(Float32Array.of(4, 5, 6));
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
    plan.destroy();
  });

  it("names a wrong input, a state that is not held and a tensor that does not fit", async () => {
    const held = hold(device, { x: { shape: [2], data: Float32Array.of(1, 2) } });
    const plan = await compile(device, { outputs: { z: add(held.x, input("y", [2])) } });
    expect(() => plan.run({ y: new Float32Array(3) })).toThrow("y has 3");
    expect(() => plan.run({ q: new Float32Array(2) })).toThrow("must be one of y (2)");
    const stray = state("stray", [2]);
    await expect(compile(device, { outputs: { z: add(stray, stray) } })).rejects.toThrow(
      "stray is not held",
    );
    const limit = device.gpu.limits.maxStorageBufferBindingSize;
    const huge = input("huge", [limit / 4 + 1]);
    await expect(compile(device, { outputs: { z: add(huge, huge) } })).rejects.toThrow(
      `huge has ${limit + 4}`,
    );
  });

  it("reports a kernel that does not compile under its label, in WebGPU's words", async () => {
    const y = constant(Float32Array.of(1));
    const x = accumulate(hold(device, { shape: [1], data: Float32Array.of(1) }), y);
    const overfull = { consts: () => ({ WG: 1_000_000 }) };
    await expect(compile(device, { outputs: { x } }, overfull)).rejects.toThrow(
      /accumulate\[WG=1000000\]: /,
    );
  });

  it("times every dispatch", async () => {
    const held = hold(device, { x: { shape: [3], data: Float32Array.of(1, 2, 3) } });
    const plan = await compile(device, { outputs: { y: add(add(held.x, held.x), held.x) } });
    const timings = await plan.profile();
    expect(timings).toHaveLength(2);
    for (const { label, timeMs } of timings) {
      expect(label).toMatch(/^add\[/);
      expect(timeMs).toBeGreaterThanOrEqual(0);
    }
  });
});
