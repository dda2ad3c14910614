import { describe, expect, it } from "vitest";
import { state } from "../engine/graph.ts";
import { match, ShapeError } from "../engine/shape.ts";

const x = state("x", [256, 50, 768]);
const gain = state("gain", [512]);
const ids = state("ids", [4], "u32");

describe("match", () => {
  it("names the dimensions of every operand", () => {
    const { B, D } = match("op", { x: [x, "*B D"], y: [state("y", [768]), "D"] });
    expect({ B, D }).toEqual({ B: [256, 50], D: 768 });
    expect(match("op", { x: [state("x", []), "*B"] })).toEqual({ B: [] });
    expect(match("op", { x: [undefined, "D"], ids: [ids, "4", "u32"] })).toEqual({});
  });

  it("says which rule is broken, with a line for each operand", () => {
    const bias = state("bias", [768]);
    const operands = { x: [x, "*B D"], gain: [gain, "D"], bias: [bias, "D"] } as const;
    expect(() => match("layernorm", operands)).toThrow(
      new ShapeError(
        [
          "layernorm: D is 768 in x but 512 in gain",
          "  x     f32[256, 50, 768]  must be [*B D]",
          "  gain  f32[512]           must be [D]",
          "  bias  f32[768]           must be [D]",
        ].join("\n"),
      ),
    );
  });

  it("refuses wrong ranks, wrong fixed sizes, wrong element types and unequal leading dims", () => {
    expect(() => match("op", { x: [x, "B D"] })).toThrow("op: x must have 2 dimensions but has 3");
    expect(() => match("op", { x: [gain, "*B T D"] })).toThrow("at least 2 dimensions but has 1");
    expect(() => match("op", { x: [gain, "3"] })).toThrow("must be 3 but is 512");
    expect(() => match("op", { ids: [ids, "B"] })).toThrow("ids must be f32 but is u32");
    expect(() => match("op", { x: [x, "*B 768"], y: [state("y", [50, 768]), "*B 768"] })).toThrow(
      "op: B is [256, 50] in x but [50] in y",
    );
  });
});
