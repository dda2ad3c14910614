import { describe, expect, it } from "vitest";
import { rowsFor } from "../../roclip/amount.ts";
import { parseConfig } from "../../roclip/config.ts";
import {
  epochBegun,
  isMatchingEpoch,
  isReencodingStep,
  learningRate,
  plainEpochsBefore,
  sideTrained,
  textEpochsBefore,
} from "../../roclip/schedule.ts";

/** The matching epochs among 1 … 8. */
function matching(json: unknown): number[] {
  const config = parseConfig(json);
  return [1, 2, 3, 4, 5, 6, 7, 8].filter((epoch) => isMatchingEpoch(config, epoch));
}

describe("isMatchingEpoch", () => {
  it("is every K-th epoch from the first that may match", () => {
    expect(matching({ roclip: { frequency: 2, firstEpoch: 1 } })).toEqual([2, 4, 6, 8]);
    expect(matching({ roclip: { frequency: 2, firstEpoch: 3 } })).toEqual([4, 6, 8]);
    expect(matching({ roclip: { frequency: 3, firstEpoch: 3 } })).toEqual([3, 6]);
    expect(matching({ roclip: { frequency: 1, firstEpoch: 7 } })).toEqual([7, 8]);
  });

  it("is what a list says, whatever the frequency", () => {
    expect(matching({ roclip: { epochs: [2, 7], frequency: 3, firstEpoch: 4 } })).toEqual([2, 7]);
    expect(matching({ defence: "clip", roclip: { epochs: [2] } })).toEqual([]);
  });

  it("is none without RoCLIP", () => {
    expect(matching({ defence: "clip", roclip: { frequency: 1, firstEpoch: 1 } })).toEqual([]);
  });
});

describe("plainEpochsBefore and textEpochsBefore", () => {
  const roclip = { frequency: 2, firstEpoch: 3 };
  const counts = (count: typeof plainEpochsBefore, json: unknown) =>
    [1, 2, 3, 4, 5, 6, 7].map((epoch) => count(parseConfig(json), epoch));

  it("count the epochs that did not match, which train the text tower", () => {
    for (const count of [plainEpochsBefore, textEpochsBefore]) {
      expect(counts(count, { roclip })).toEqual([0, 1, 2, 3, 3, 4, 4]);
      expect(counts(count, { defence: "clip", roclip })).toEqual([0, 1, 2, 3, 4, 5, 6]);
    }
  });

  it("differ where matched captions are encoded anew, which trains it too", () => {
    const both = { roclip: { ...roclip, textGradient: "re-encoded" } };
    expect(counts(plainEpochsBefore, both)).toEqual([0, 1, 2, 3, 3, 4, 4]);
    expect(counts(textEpochsBefore, both)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const images = { roclip: { ...roclip, direction: "both" } };
    expect(counts(textEpochsBefore, images)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const judged = { roclip: { ...roclip, judge: 0.1 } };
    expect(counts(textEpochsBefore, judged)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});

describe("a model that is begun anew, with roclip.judgeCrosswise", () => {
  const json = {
    ...{ epochs: 6, lr: 8, lrSchedule: "constant", warmupSteps: 2 },
    roclip: { frequency: 1, firstEpoch: 3, judge: 0.1, judgeCrosswise: true },
  };
  const config = parseConfig(json);
  const epochs = [1, 2, 3, 4, 5];

  it("trains on one side, then anew on the other, then on all", () => {
    expect(epochs.map((epoch) => sideTrained(config, epoch))).toEqual([0, 0, 1, ...Array(2)]);
    expect(epochs.map((epoch) => epochBegun(config, epoch))).toEqual([1, 1, 3, 3, 3]);
    expect(epochs.map((epoch) => textEpochsBefore(config, epoch))).toEqual([0, 1, 0, 1, 2]);
    const together = parseConfig({ ...json, roclip: { ...json.roclip, judgeCrosswise: false } });
    expect(epochs.map((epoch) => sideTrained(together, epoch))).toEqual(Array(5));
    expect(epochs.map((epoch) => epochBegun(together, epoch))).toEqual([1, 1, 1, 1, 1]);
  });

  it("is warmed up anew", () => {
    const rates = Array.from({ length: 12 }, (_, step) => learningRate(config, step, 3));
    expect(rates).toEqual([4, 8, 8, 8, 8, 8, 4, 8, 8, 8, 8, 8]);
  });

  it("must have had a predecessor", () => {
    const roclip = { ...json.roclip, firstEpoch: 1 };
    expect(() => parseConfig({ roclip })).toThrow("judgeCrosswise must have a plain epoch before");
  });
});

describe("isReencodingStep", () => {
  it("is the first of a matching epoch and every n-th after it", () => {
    const steps = (reencodeEvery: number, epoch: number) => {
      const config = parseConfig({ roclip: { reencodeEvery, epochs: [2] } });
      return [0, 1, 2, 3, 4, 5, 6].filter((step) => isReencodingStep(config, epoch, step));
    };
    expect(steps(3, 2)).toEqual([0, 3, 6]);
    expect(steps(100, 2)).toEqual([0]);
    expect(steps(3, 1)).toEqual([]);
    expect(steps(0, 2)).toEqual([]);
  });
});

describe("learningRate", () => {
  // 3 epochs of 4 steps, 4 of them warm-up: the cosine takes 8 steps.
  const config = parseConfig({ epochs: 3, lr: 8, lrSchedule: "cosine", warmupSteps: 4 });
  const rates = (offset: boolean) =>
    Array.from({ length: 12 }, (_, step) =>
      learningRate({ ...config, scheduleOffset: offset }, step, 4),
    );

  it("rises in a line, then falls along a half cosine", () => {
    const wanted = [2, 4, 6, 8, 8, 7.695518, 6.828427, 5.530734, 4, 2.469266, 1.171573, 0.304482];
    for (const [step, rate] of rates(false).entries()) expect(rate).toBeCloseTo(wanted[step]!, 6);
    expect(learningRate(config, 12, 4)).toBeCloseTo(0, 12);
  });

  it("falls in a line, or not at all, where lrSchedule says so", () => {
    const later = (lrSchedule: "linear" | "constant", scheduleOffset = false) =>
      [3, 4, 8, 11].map((step) => learningRate({ ...config, lrSchedule, scheduleOffset }, step, 4));
    expect(later("linear")).toEqual([8, 8, 4, 1]);
    expect(later("constant")).toEqual([8, 8, 8, 8]);
    expect(later("linear", true)).toEqual([5, 4, 0, 0]);
  });

  it("with scheduleOffset starts an epoch late and runs past the end", () => {
    const wanted = [8, 7.695518, 6.828427, 5.530734, 4, 2.469266, 1.171573, 0.304482];
    const past = [0, 0.304482, 1.171573, 2.469266];
    for (const [step, rate] of rates(true).entries()) {
      expect(rate).toBeCloseTo([...wanted, ...past][step]!, 6);
    }
  });

  it("stays finite without a warm-up and with one as long as the run", () => {
    expect(learningRate({ ...config, warmupSteps: 0 }, 0, 4)).toBe(8);
    expect(learningRate({ ...config, warmupSteps: 12 }, 11, 4)).toBe(8);
    expect(learningRate({ ...config, warmupSteps: 100 }, 11, 4)).toBeCloseTo(0.96, 12);
  });
});

describe("rowsFor", () => {
  it("takes rows from 1 and a share below", () => {
    expect(rowsFor(3000, 5400)).toBe(3000);
    expect(rowsFor(1, 5400)).toBe(1);
    expect(rowsFor(0.5, 5401)).toBe(2701);
    expect(rowsFor(0.02184, 1_000_000)).toBe(21840);
    expect(rowsFor(0.00001, 10)).toBe(1);
  });
});
