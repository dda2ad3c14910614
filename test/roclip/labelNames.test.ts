import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readNames } from "../../roclip/data/labelNames.ts";
import { embedClasses } from "../../roclip/evaluate.ts";
import { pairsOf } from "./pairs.ts";

const folder = mkdtempSync(join(tmpdir(), "names-"));
afterAll(() => rmSync(folder, { recursive: true }));

const data = pairsOf("train", [
  ["a shirt", "Topwear"],
  ["a bag", "Bags"],
]);

function read(text: string) {
  const path = join(folder, "names.json");
  writeFileSync(path, text);
  return readNames(path, data);
}

describe("names of labels", () => {
  it("are a name or a list of them", () => {
    const names = read('{"Topwear": ["shirt", "top"], "Bags": "bag"}');
    expect(names).toEqual({ Topwear: ["shirt", "top"], Bags: ["bag"] });
  });

  it.each([
    ['{"Topwaer": "top"}', 'found "Topwaer"; did you mean "Topwear"?'],
    ['{"Topwear": []}', "Topwear"],
    ['{"Topwear": " "}', "must not be empty"],
    ['["top"]', "expected record"],
    ["{", "JSON"],
  ])("in %s are refused", (text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow("names.json: names of classes must be a JSON object");
  });

  it("stand in zero-shot prompts, the label itself where there is none", async () => {
    const asked: string[] = [];
    const embedder = {
      captions(captions: readonly string[]) {
        asked.push(...captions);
        return Promise.resolve({
          data: Float32Array.of(1, 0, 0, 1, 1, 0, 0, 1, 0, 3, 0, 1),
          width: 2,
        });
      },
    };
    const { data: vectors } = await embedClasses(embedder, {
      classes: ["Bags", "Topwear"],
      prompts: ["{}", "a {}"],
      test: { ...data, names: { Topwear: ["shirt", "top"] } },
    });
    expect(asked).toEqual(["Bags", "a Bags", "shirt", "a shirt", "top", "a top"]);
    expect([...vectors].map((x) => x.toFixed(3))).toEqual([
      ...["0.707", "0.707", (1 / Math.hypot(1, 3)).toFixed(3), (3 / Math.hypot(1, 3)).toFixed(3)],
    ]);
  });
});
