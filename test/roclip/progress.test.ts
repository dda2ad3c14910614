/** Checkpoints whose metadata somebody else wrote: a message, and nothing worse. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../roclip/config.ts";
import { UserError } from "../../roclip/errors.ts";
import { initState } from "../../roclip/model.ts";
import type { Progress } from "../../roclip/progress.ts";
import { RUN_FILES, readRun, saveRun } from "../../roclip/runFolder.ts";
import { decodeSafetensors, encodeSafetensors } from "../../roclip/safetensors.ts";
import { learnTokenizer, tokenizerFromJson } from "../../roclip/tokenize.ts";

const PAIRS = 12;
const config = parseConfig({
  batch: 4,
  imageSize: 8,
  contextLength: 6,
  image: { width: 2, blocks: [1] },
  text: { width: 4, layers: 1, heads: 1 },
  embedding: 4,
  roclip: { poolSize: 8 },
});
const tokenizer = learnTokenizer(["red heart", "red car"], { vocabularySize: 520 });
const result = { epoch: 1, phase: "plain", loss: 2.5, zeroShotTop1: 0.5, classMean: 0.5 } as const;
const rates = { psr: Number.NaN, asr: 0.1, trueClassTarget: Number.NaN, trueClassTriggered: 0 };
const progress: Progress = {
  config,
  source: { kind: "manifest", data: "a.csv", images: "photos", minClass: 2, prompts: ["{}"] },
  tokenizer: tokenizer.toJSON(),
  classes: ["heart", "car"],
  prompts: ["a {}"],
  pairs: PAIRS,
  epoch: 2,
  step: 1,
  lossSum: 2.4,
  results: [{ ...result, ...rates, pairsPerSecond: 9, seconds: 4 }],
};

let folder = "";
let tensors: ReturnType<typeof decodeSafetensors>["tensors"];
let text = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "roclip-progress-"));
  await saveRun(folder, initState(config, tokenizer.vocabularySize, PAIRS), progress);
  const file = decodeSafetensors(await readFile(join(folder, RUN_FILES.checkpoint)), "saved");
  tensors = file.tensors;
  text = file.metadata.roclip!;
});
afterAll(() => rm(folder, { recursive: true }));

/** Deeper than JSON.stringify goes, in the place of a text that says so. */
const DEEP = "deep";
const deepen = (json: string) =>
  json.replaceAll(`"${DEEP}"`, `${"[".repeat(1e5)}${"]".repeat(1e5)}`);

/** Read the run with other metadata, and do with it what commands do. */
async function readWith(json: string): Promise<Progress> {
  const path = join(folder, "edited.safetensors");
  await writeFile(path, encodeSafetensors({ tensors, metadata: { roclip: deepen(json) } }));
  const saved = await readRun(path);
  const read = tokenizerFromJson(saved.progress.tokenizer);
  read.encodeBatch(["a red heart &amp; car"], saved.progress.config.contextLength);
  saved.state(initState(saved.progress.config, read.vocabularySize, saved.progress.pairs));
  return saved.progress;
}

describe("a checkpoint's metadata", () => {
  it("come back as they were, with NaN for what was not measured", async () => {
    expect(await readWith(text)).toEqual(progress);
  });

  it.each<[what: string, changes: object, message: string]>([
    ["no configuration", { config: undefined }, "found config: Invalid input"],
    ["no results", { results: undefined }, "found results: Invalid input"],
    ["results of text", { results: "x" }, "found results: Invalid input"],
    ["a result of null", { results: [null] }, "found results.0: Invalid input"],
    ["a measure of text", { results: [{ ...progress.results[0], asr: "0" }] }, "results.0.asr"],
    ["an unknown source", { source: { kind: "web" } }, "found source.kind: Invalid"],
    ["negative pairs", { pairs: -3 }, "found pairs: Too small"],
    ["other pairs", { pairs: 2 ** 40 }, "found 1099511627776 pairs where these have 12"],
    [
      "another pool",
      { config: { ...config, roclip: { poolSize: 1e9 } } },
      "1000000000 rows of the",
    ],
    ["more layers", { config: { ...config, text: { layers: 1e9 } } }, "found 1000000001 layers"],
    ["more blocks", { config: { ...config, image: { blocks: [1e9] } } }, "found 1000000001 layers"],
    [
      "another width",
      { config: { ...config, embedding: 1e9 } },
      "where the model has f32[2, 10000",
    ],
    ["a key too many", { config: { ...config, more: 1 } }, 'every key must be known; found "more"'],
    ["no tokenizer", { tokenizer: {} }, "tokenizer: must be a byte-pair tokenizer.json of ours"],
    ["a deep value", { pairs: DEEP }, "found pairs: Invalid input"],
    ["a deep key of the configuration", { config: { seed: DEEP } }, "found [[[[[…]]]]]"],
    ["many values", { classes: Array(200_001).fill(0) }, "found more than 200000 values"],
  ])("are refused with %s", async (_, changes, message) => {
    const reading = readWith(JSON.stringify({ ...JSON.parse(text), ...changes }));
    await expect(reading).rejects.toThrow(UserError);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toThrow(/^\S+edited\.safetensors: .{20,400}$/);
  });

  it("are refused, and nothing worse, when edited anywhere", async () => {
    const odd = fc.constantFrom<unknown>(
      ...[undefined, null, true, -1, 0, 0.5, 2, 1e9, 2 ** 40, 1e300, "", "x", "__proto__", DEEP],
      ...[[], {}, [1], [[]], { a: 1 }, Array(300).fill("x"), { kind: "emoji", heldOut: "x" }],
    );
    const way = fc.array(fc.nat(2000), { minLength: 1, maxLength: 6 });
    const inConfig = way.map((rest) => [0, ...rest]); // its first entry, which has most keys
    const edit = fc.record({
      way: fc.oneof(way, inConfig),
      value: fc.oneof(odd, fc.jsonValue()),
    });
    let [accepted, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        const json = JSON.parse(text) as object;
        for (const { way, value } of edits) replaceAt(json, way, structuredClone(value));
        try {
          await readWith(JSON.stringify(json));
          accepted++;
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
          expect((error as Error).message.length).toBeLessThan(10_000);
          refused++;
        }
      }),
      { seed: 1, numRuns: 400 },
    );
    expect(accepted).toBeGreaterThan(5);
    expect(refused).toBeGreaterThan(200);
  });
});

/** Put a value where a walk from the root ends; numbers choose among the entries on the way. */
function replaceAt(json: object, way: readonly number[], value: unknown): void {
  const [first, ...rest] = way;
  const names = Object.keys(json);
  const name = names[first! % names.length];
  if (name === undefined) return;
  const entries = json as Record<string, unknown>;
  const child = entries[name];
  if (rest.length > 0 && typeof child === "object" && child !== null) {
    replaceAt(child, rest, value);
  } else entries[name] = value;
}
