import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parse } from "csv-parse/sync";
import { beforeAll, expect, test } from "vitest";
import { tokenizerFor } from "../../roclip/cli/common.ts";
import { parseConfig } from "../../roclip/config.ts";
import { initState } from "../../roclip/model.ts";
import { clipTokenizer, compactTokenizer, type Tokenizer } from "../../roclip/tokenize.ts";
import { sharedFile, sharedTexts } from "./shared.ts";

/** Made by tokenizer.py, beside it. */
interface Golden {
  readonly tables: Record<string, { readonly captions: number; readonly sha256: string }>;
  readonly cases: readonly { readonly caption: string; readonly ids: readonly number[] }[];
}
const path = new URL("../golden/tokenizer.json", import.meta.url);
const merges = sharedFile("bpe_simple_vocab_16e6.txt.gz");
const LONG = 1000; // tokens: no golden caption is cut

let golden: Golden;
let captionsOf: (table: string) => string[];
beforeAll(async () => {
  golden = JSON.parse(await readFile(path, "utf8"));
  const manifests = await sharedTexts("fashion-manifests.tar.gz");
  captionsOf = (table) =>
    parse<{ caption: string }>(manifests.get(table)!, { columns: true }).map((row) => row.caption);
});

test("clipTokenizer gives OpenAI's ids", () => {
  const tokenizer = clipTokenizer(merges, LONG);
  expect(tokenizer.vocabularySize).toBe(49408);
  expect(tokenizer.encode("a photo of a cat")).toEqual([49406, 320, 1125, 539, 320, 2368, 49407]);
  expect(golden.cases.length).toBeGreaterThan(400);
  for (const { caption, ids } of golden.cases)
    expect(tokenizer.encode(caption), caption).toEqual(ids);
});

test.each([
  ["fashion-test.csv", 2531],
  ["fashion-val.csv", 1345],
  ["fashion-train.csv", 39_959],
])("clipTokenizer gives OpenAI's ids for every caption of %s", (table, count) => {
  const captions = captionsOf(table);
  expect([captions.length, golden.tables[table]!.captions]).toEqual([count, count]);
  const tokenizer = clipTokenizer(merges, LONG);
  const lines = captions.map((caption) => tokenizer.encode(caption).join(" ")).join("\n");
  expect(createHash("sha256").update(lines).digest("hex")).toBe(golden.tables[table]!.sha256);
});

test("clipTokenizer cuts to 77 tokens and keeps the end", () => {
  const ids = clipTokenizer(merges).encode("word ".repeat(200));
  expect(ids).toHaveLength(77);
  expect(ids.at(-1)).toBe(49407);
});

test("compactTokenizer keeps less than a fifth of CLIP's tokens for the fashion captions, as they were", () => {
  const captions = captionsOf("fashion-train.csv");
  const whole = clipTokenizer(merges);
  const compact = compactTokenizer(whole, captions);
  const symbols = ({ toJSON }: Tokenizer) =>
    new Map(Object.entries(toJSON().model.vocab).map(([symbol, id]) => [id, symbol]));
  const [of, ofWhole] = [symbols(compact), symbols(whole)];
  for (const caption of captions)
    expect(compact.encode(caption).map((id) => of.get(id))).toEqual(
      whole.encode(caption).map((id) => ofWhole.get(id)),
    );
  expect(compact.vocabularySize).toBeLessThan(whole.vocabularySize / 5);
  const config = parseConfig({ model: "RN-tiny-32px", merges, compactVocabulary: true });
  const { shape } = initState(config, compact.vocabularySize, captions.length).params.text.tokens;
  expect(shape[0]).toBe(compact.vocabularySize);
});

test("a run's tokenizer is CLIP's where merges are given, compacted where asked for", async () => {
  const captions = ["a red shirt", "a watch"];
  const of = (changes: object) =>
    tokenizerFor(parseConfig({ model: "RN-tiny-32px", ...changes }), captions);
  expect((await of({})).vocabularySize).toBeLessThan(600);
  expect((await of({ merges })).vocabularySize).toBe(49408);
  expect((await of({ merges, compactVocabulary: true })).vocabularySize).toBeLessThan(600);
});
