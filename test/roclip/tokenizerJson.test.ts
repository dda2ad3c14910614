import { describe, expect, test } from "vitest";
import { UserError } from "../../roclip/errors.ts";
import { learnTokenizer, tokenizerFromJson } from "../../roclip/tokenize.ts";
import type { TokenizerJson } from "../../roclip/tokenizerJson.ts";

const CAPTIONS = ["red heart", "heart with arrow", "the red car", "the cat's red cart"];
const tokenizer = learnTokenizer(CAPTIONS, { vocabularySize: 560, contextLength: 12 });

describe("a saved tokenizer is read", () => {
  const json = tokenizer.toJSON();
  const { vocab, merges } = json.model;
  const changed = (model: object) => ({ ...json, model: { ...json.model, ...model } });
  test.each([
    ["nothing", null, /vocab, merges or truncation is missing/],
    ["no model", {}, /vocab, merges or truncation is missing/],
    ["a context of text", { ...json, truncation: { max_length: "8" } }, /found "8" tokens/],
    ["merges by name", changed({ merges: {} }), /merges or truncation is missing/],
    ["a number for a merge", changed({ merges: [...merges, 1] }), /; 1 is not a merge;/],
    ["a merge of three", changed({ merges: [["a", "b", "c"]] }), /\["a","b","c"\] is not a merge/],
    ["a merge of other symbols", changed({ merges: [["q", "zz"]] }), /\["q","zz"\] has an unknown/],
    ["merges turned around", changed({ merges: merges.toReversed() }), /has an unknown part/],
    [
      "a merge left out",
      changed({ merges: merges.slice(0, -1) }),
      /ids are not those of its merges/,
    ],
    ["a vocabulary of text", changed({ vocab: "abc" }), /ids are not those of its merges/],
    ["a symbol too many", changed({ vocab: { ...vocab, extra: 9999 } }), /ids are not those/],
    ["another id", changed({ vocab: { ...vocab, "!": 7 } }), /ids are not those of its merges/],
  ])("but for JSON with %s", (_, broken, message) => {
    const read = () => tokenizerFromJson(broken as unknown as TokenizerJson);
    expect(read).toThrow(UserError);
    expect(read).toThrow(message);
  });

  test("but for a merge that makes a control token", () => {
    const end = "<|endoftext|>";
    const letters = [...end].slice(1);
    const spelt = letters.map((letter, i) => [end.slice(0, i + 1), letter]);
    const read = () => tokenizerFromJson(changed({ merges: spelt }) as TokenizerJson);
    expect(read).toThrow(/a merge makes a control token/);
  });

  test("without running the patterns of the file", () => {
    const slow = { type: "Replace", pattern: { Regex: "(a+)+$" }, content: "x" };
    const read = tokenizerFromJson({ ...json, normalizer: slow, pre_tokenizer: { type: "?" } });
    expect(read.toJSON()).toEqual(json);
    expect(read.encode("A red heart")).toEqual(tokenizer.encode("A red heart"));
  });
});
