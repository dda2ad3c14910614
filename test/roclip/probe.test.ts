/** Probes and detection against scikit-learn and PyTorch (test/golden/measures.py). */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, keyOf, openDevice } from "../../engine/index.ts";
import { stream } from "../../engine/random.ts";
import { crossEntropy, heldCrossEntropy } from "../../roclip/measures/crossEntropy.ts";
import { detection, precisionAt } from "../../roclip/measures/detection.ts";
import { lbfgs, type Objective } from "../../roclip/measures/lbfgs.ts";
import { logitsOf, probeAccuracy } from "../../roclip/measures/linearModel.ts";
import { linearProbe, PROBE } from "../../roclip/measures/linearProbe.ts";
import { logisticRegression, sweptRegression } from "../../roclip/measures/logisticRegression.ts";
import { worstError } from "../check.ts";

interface Golden {
  readonly width: number;
  readonly classes: number;
  readonly features: readonly number[];
  readonly labels: readonly number[];
  readonly regressions: readonly { lambda: number; weight: number[]; probabilities: number[] }[];
  readonly probe: { readonly weight: number[]; readonly bias: number[] };
  readonly detection: {
    readonly scores: number[];
    readonly positive: boolean[];
    readonly auroc: number;
    readonly averagePrecision: number;
    readonly curve: Readonly<Record<"scores" | "recalls" | "precisions", readonly number[]>>;
    readonly precisionAt: Readonly<Record<string, number>>;
  };
}

const path = new URL("../golden/measures.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as Golden;
const { labels, classes: C } = golden;
const features = { data: Float32Array.from(golden.features), width: golden.width };

/** Softmax of each row. */
function probabilities(logits: Float64Array): Float64Array {
  const exps = logits.map(Math.exp);
  return exps.map((value, at) => {
    const row = exps.subarray(Math.floor(at / C) * C, Math.floor(at / C) * C + C);
    return value / row.reduce((a, b) => a + b, 0);
  });
}

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe("crossEntropy", () => {
  it("is on the device what it is on the host", async () => {
    const held = await heldCrossEntropy(device, features, labels, C);
    const draws = stream(keyOf(3));
    const x = Float64Array.from({ length: (golden.width + 1) * C }, () =>
      Math.fround(draws.normal()),
    );
    const exact = await crossEntropy(features, labels, C)(0.3)(x);
    const near = await held.objective(0.3)(x);
    held.release();
    expect(near.value / exact.value).toBeCloseTo(1, 5);
    const { error, text } = worstError(Float32Array.from(near.gradient), exact.gradient);
    expect(error, text).toBeLessThan(1e-5);
  });
});

describe("lbfgs", () => {
  // (x² + 100 y²) / 2 + cosh(z): its least point is the origin, where the Hessian is (1, 100, 1).
  const bowl: Objective = (x) => ({
    value: (x[0]! ** 2 + 100 * x[1]! ** 2) / 2 + Math.cosh(x[2]!),
    gradient: Float64Array.of(x[0]!, 100 * x[1]!, Math.sinh(x[2]!)),
  });
  const start = Float64Array.of(3, -2, 4);
  const inverse = (v: Float64Array) => Float64Array.of(v[0]!, v[1]! / 100, v[2]!);

  it("finds the least point, and says when it did not", async () => {
    const found = await lbfgs(bowl, start, { tolerance: 1e-9, most: 50, inverse });
    expect(found.converged).toBe(true);
    for (const value of found.x) expect(Math.abs(value)).toBeLessThan(1e-9);
    expect((await lbfgs(bowl, start, { tolerance: 1e-9, most: 2, inverse })).converged).toBe(false);
  });

  it("needs fewer steps by the right curvature than by none", async () => {
    const how = { tolerance: 1e-9, most: 50 };
    const { iterations } = await lbfgs(bowl, start, { ...how, inverse });
    const plain = await lbfgs(bowl, start, { ...how, inverse: (v) => v });
    expect(plain.converged).toBe(true);
    expect(iterations).toBeLessThan(plain.iterations);
  });
});

describe("logisticRegression", () => {
  it("converges on columns of very different sizes", async () => {
    const { data, width } = features;
    const scaled = { width, data: data.map((v, i) => v * 10 ** (((i % width) % 5) - 2)) };
    const { converged } = await logisticRegression(device, scaled, labels, C, 1e-3);
    expect(converged).toBe(true);
  });

  it.each(golden.regressions)("is scikit-learn's at λ = $lambda", async (wanted) => {
    const { model, converged } = await logisticRegression(
      device,
      features,
      labels,
      C,
      wanted.lambda,
    );
    expect(converged).toBe(true);
    // Both stop where the gradient of the mean loss is below 1e-6; curvature is above 1e-3.
    const error = worstError(
      model.weight as unknown as Float32Array,
      Float64Array.from(wanted.weight),
    );
    expect(error.error, error.text).toBeLessThan(1e-3);
    const made = probabilities(logitsOf(model, features));
    for (const [at, value] of made.entries())
      expect(Math.abs(value - wanted.probabilities[at]!)).toBeLessThan(1e-4);
  });

  it("chooses λ on rows held out of the training split", async () => {
    const swept = await sweptRegression(device, features, labels, C, keyOf(1));
    const { model, lambda, converged } = swept;
    expect(converged).toBe(true);
    expect(Math.log10(lambda) * 8).toBeCloseTo(Math.round(Math.log10(lambda) * 8), 9);
    const refit = await logisticRegression(device, features, labels, C, lambda);
    expect(probeAccuracy(model, features, labels)).toEqual(
      probeAccuracy(refit.model, features, labels),
    );
  });
});

describe("probeAccuracy", () => {
  it("is the hand-computed example", () => {
    // Logits x and −x + 1: class 0 where x > ½. Predictions 0 1 0 1; labels 0 1 1 1.
    const model = { weight: Float64Array.of(1, -1), bias: Float64Array.of(0, 1) };
    const x = { data: Float32Array.of(1, 0, 2, -3), width: 1 };
    const { top1, classMean } = probeAccuracy(model, x, [0, 1, 1, 1]);
    expect(top1).toMatchObject({ value: 0.75, successes: 3, count: 4 });
    expect(classMean).toBeCloseTo((1 + 2 / 3) / 2, 12);
  });
});

describe("linearProbe", () => {
  it("is PyTorch's AdamW with decay on the weights alone and a cosine, in one batch", async () => {
    const settings = { ...PROBE, batch: 64 }; // 61 rows and 3 of padding
    const model = await linearProbe(device, features, labels, C, keyOf(1), settings);
    for (const name of ["weight", "bias"] as const) {
      const wanted = Float64Array.from(golden.probe[name]);
      const { error, text } = worstError(model[name] as unknown as Float32Array, wanted);
      expect(error, text).toBeLessThan(1e-4); // 32 steps of f32, each of about the learning rate
    }
  });

  it("sees every row once an epoch, and repeats itself", async () => {
    const run = () => linearProbe(device, features, labels, C, keyOf(2), { ...PROBE, batch: 16 });
    const [first, second] = [await run(), await run()];
    expect(second).toEqual(first);
    const wide = probeAccuracy(first, features, labels).top1.value;
    expect(wide).toBeGreaterThan(0.7); // chance is 0.25
  });
});

describe("detection", () => {
  it("is scikit-learn's AUROC, average precision and precision-recall curve, with ties", () => {
    const { scores, positive, auroc, averagePrecision, curve } = golden.detection;
    const precisions = golden.detection.precisionAt;
    const found = detection(scores, positive);
    expect(found.auroc).toBeCloseTo(auroc, 12);
    expect(found.averagePrecision).toBeCloseTo(averagePrecision, 12);
    expect(found.curve.map(({ score }) => score)).toEqual(curve.scores);
    for (const [i, { recall, precision }] of found.curve.entries()) {
      expect(recall).toBeCloseTo(curve.recalls[i]!, 12);
      expect(precision).toBeCloseTo(curve.precisions[i]!, 12);
    }
    expect(Object.keys(precisions)).toEqual(["0.5", "0.9"]);
    for (const [recall, precision] of Object.entries(precisions))
      expect(precisionAt(found.curve, Number(recall))).toBeCloseTo(precision, 12);
  });
});
