/** Measures of a saved model beside those that scikit-learn finds (test/golden/embeddings.py). */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, openDevice } from "../../engine/index.ts";
import { detection } from "../../roclip/measures/detection.ts";
import { logitsOf, probeAccuracy } from "../../roclip/measures/linearModel.ts";
import { logisticRegression } from "../../roclip/measures/logisticRegression.ts";
import { pairSimilarities } from "../../roclip/measures/similarity.ts";
import { type Rows, zeroShot } from "../../roclip/measures.ts";
import { goldenFile } from "./golden.ts";

interface Accuracy {
  readonly top1: number;
  readonly classMean: number;
  readonly predictions: readonly number[];
}

interface Golden {
  readonly zeroShot: Accuracy;
  readonly regression: Accuracy & { readonly lambda: number };
  readonly detection: { readonly auroc: number; readonly averagePrecision: number };
}

const path = new URL("../golden/embeddings.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as Golden;
const { stored, metadata } = goldenFile("embeddings");
const rows = (name: string): Rows => {
  const { data, shape } = stored(name);
  return { data: Float32Array.from(data), width: shape[1]! };
};
const numbers = (name: string) => Array.from(stored(name).data);

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe("a model's saved embeddings", () => {
  const labels = numbers("test.labels");
  const C = (JSON.parse(metadata.classes!) as string[]).length;

  it("are classified zero-shot as scikit-learn counts it", () => {
    const found = zeroShot(rows("test.images"), rows("classes"), labels);
    expect([...found.predictions]).toEqual(golden.zeroShot.predictions);
    expect(found.top1.value).toBeCloseTo(golden.zeroShot.top1, 12);
    expect(found.classMean).toBeCloseTo(golden.zeroShot.classMean, 12);
  });

  it("are classified by logistic regression as by scikit-learn's", async () => {
    const wanted = golden.regression;
    const learnt = [rows("clean.features"), numbers("clean.labels"), C] as const;
    const { model, converged } = await logisticRegression(device, ...learnt, wanted.lambda);
    expect(converged).toBe(true);
    const held = rows("test.features");
    const found = probeAccuracy(model, held, labels);
    expect(found.top1.value).toBeCloseTo(wanted.top1, 12);
    expect(found.classMean).toBeCloseTo(wanted.classMean, 12);
    const logits = logitsOf(model, held);
    const predictions = labels.map((_, n) => {
      const row = [...logits.subarray(n * C, (n + 1) * C)];
      return row.indexOf(Math.max(...row));
    });
    expect(predictions).toEqual(wanted.predictions);
  });

  it("give poisoned pairs away as scikit-learn finds", () => {
    const similarities = pairSimilarities(rows("pairs.images"), rows("pairs.texts"));
    const attacked = numbers("pairs.attacked").map((flag) => flag === 1);
    const found = detection(
      similarities.map((similarity) => -similarity),
      attacked,
    );
    expect(found.auroc).toBeCloseTo(golden.detection.auroc, 12);
    expect(found.averagePrecision).toBeCloseTo(golden.detection.averagePrecision, 12);
  });
});
