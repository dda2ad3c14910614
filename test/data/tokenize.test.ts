import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { clipTokenizer } from "../../roclip/tokenize.ts";
import { sharedFile } from "./shared.ts";

const golden = new URL("../golden/tokenizer.json", import.meta.url); // made by tokenizer.py beside it
const LONG = 1000; // tokens: no golden caption is cut

test("clipTokenizer gives OpenAI's ids", async () => {
  const tokenizer = clipTokenizer(sharedFile("bpe_simple_vocab_16e6.txt.gz"), LONG);
  expect(tokenizer.vocabularySize).toBe(49408);
  expect(tokenizer.encode("a photo of a cat")).toEqual([49406, 320, 1125, 539, 320, 2368, 49407]);
  const cases = JSON.parse(await readFile(golden, "utf8")) as { caption: string; ids: number[] }[];
  expect(cases.length).toBeGreaterThan(400);
  for (const { caption, ids } of cases) expect(tokenizer.encode(caption), caption).toEqual(ids);
});

test("clipTokenizer cuts to 77 tokens and keeps the end", () => {
  const tokenizer = clipTokenizer(sharedFile("bpe_simple_vocab_16e6.txt.gz"));
  const ids = tokenizer.encode("word ".repeat(200));
  expect(ids).toHaveLength(77);
  expect(ids.at(-1)).toBe(49407);
});
