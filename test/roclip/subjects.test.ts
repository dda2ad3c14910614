/** What a model is measured on, and what is made of several backdoors. */
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../roclip/config.ts";
import type { Dataset } from "../../roclip/data/dataset.ts";
import { UserError } from "../../roclip/errors.ts";
import { type Embedder, evaluate, subjectsOf } from "../../roclip/evaluate.ts";
import type { TruthRow } from "../../roclip/truth.ts";
import { pairsOf } from "./pairs.ts";

const classes = ["cat", "dog", "rose"];
const test = pairsOf("held-out", [
  ...Array.from({ length: 4 }, (_, n) => [`cat ${n}`, "cat"] as const),
  ["dog 0", "dog"],
  ["dog 1", "dog"],
  ["a rose", "rose"],
  ["no label", ""],
]);
const config = parseConfig({
  poison: { targets: 0 },
  backdoor: { count: 1, targetClass: "cat" },
  backdoors: [{ count: 1, targetClass: "dog", kind: "sig" }],
});
const opened = (targetClass: string, attack: number): TruthRow => ({
  ...{ row: attack, kind: "backdoor", id: `${attack}`, source: "s", trigger: "", attack },
  ...{ trueClass: "rose", targetClass, caption: "", originalCaption: "", seed: 1 },
});
const truth = [opened("cat", 0), opened("dog", 1)];
const evaluation = { test, classes, prompts: ["{}"], truth };

/** An embedder to which a class is an axis, and an image what is said of it. */
function embedderOf(said: (dataset: Dataset) => readonly string[]): Embedder {
  const rows = (names: readonly string[]) => ({
    data: Float32Array.from(names.flatMap((name) => classes.map((c) => Number(c === name)))),
    width: classes.length,
  });
  const images = async (dataset: Dataset) => rows(said(dataset));
  const captions = async (names: readonly string[]) => rows(names);
  return { images, captions, features: images, destroy: () => undefined };
}

describe("evaluate", () => {
  it("counts the cases of two backdoors together", async () => {
    const subjects = subjectsOf(config, evaluation);
    const [first, second] = subjects.backdoors;
    expect(first!.triggered.labels).toEqual(["dog", "dog", "rose"]);
    expect(second!.triggered.labels).toEqual(["cat", "cat", "cat", "cat", "rose"]);
    const said = new Map([
      [first!.triggered, ["cat", "dog", "cat"]], // two of three for the target, one right
      [second!.triggered, ["dog", "cat", "cat", "rose", "rose"]], // one of five, three right
    ]);
    const embedder = embedderOf((dataset) => said.get(dataset) ?? dataset.labels);
    const found = await evaluate(embedder, subjects, evaluation);
    expect(found.asr).toBe((2 + 1) / (3 + 5)); // and not the mean of 2/3 and 1/5
    expect(found.trueClassTriggered).toBe((1 + 3) / (3 + 5));
    expect(found.triggeredPredictions).toEqual([...said.values()].flat());
    expect(found.zeroShotTop1).toBe(1);
    expect(found.psr).toBeNaN();
  });
});

describe("subjectsOf", () => {
  it("measures the backdoors that were carried out alone", () => {
    const [only, ...rest] = subjectsOf(config, { ...evaluation, truth: truth.slice(1) }).backdoors;
    expect(rest).toEqual([]);
    expect(only).toMatchObject({ targetClass: "dog", backdoor: { kind: "sig" } });
  });

  it("refuses an attack that leads to a class without a prompt", () => {
    const of = () => subjectsOf(config, { ...evaluation, classes: ["cat", "rose"] });
    expect(of).toThrow(UserError);
    expect(of).toThrow(/must be a zero-shot class; "dog" is not among cat, rose; choose another/);
  });
});
