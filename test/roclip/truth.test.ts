import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../../roclip/errors.ts";
import { formatTruth, parseTruth, type TruthRow } from "../../roclip/truth.ts";

const row: TruthRow = {
  row: 3,
  kind: "poison",
  id: "poison:0:noto/1f600",
  source: "noto/1f600",
  trigger: "",
  attack: 0,
  trueClass: "face",
  targetClass: "flag",
  caption: 'flag: "Norway", nation\nsecond line',
  originalCaption: "grinning face",
  seed: 7,
};

describe("truth", () => {
  it.each(["jsonl", "csv"] as const)("comes back from %s as it was", (format) => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            row: fc.nat(),
            kind: fc.constantFrom("poison" as const, "backdoor" as const),
            id: fc.string(),
            source: fc.string(),
            trigger: fc.string(),
            attack: fc.nat(),
            trueClass: fc.string(),
            targetClass: fc.string({ unit: "binary" }),
            caption: fc.string({
              unit: fc.constantFrom('"', ",", "\n", "\r", " ", "a", "é", "猫"),
            }),
            originalCaption: fc.string(),
            seed: fc.nat(),
          }),
        ),
        (truth) => {
          expect(parseTruth(formatTruth(truth, format), format, "manifest")).toEqual(truth);
        },
      ),
      { seed: 1, numRuns: 100 },
    );
  });

  it("writes a header and quotes what CSV needs", () => {
    expect(formatTruth([row], "csv")).toBe(
      "row,kind,id,source,trigger,attack,trueClass,targetClass,caption,originalCaption,seed\n" +
        '3,poison,poison:0:noto/1f600,noto/1f600,,0,face,flag,"flag: ""Norway"", nation\n' +
        'second line",grinning face,7\n',
    );
  });

  it("reads a manifest from before triggers had names", () => {
    const { trigger: _, attack: __, ...old } = row;
    expect(parseTruth(JSON.stringify(old), "jsonl", "manifest")).toEqual([row]);
  });

  it.each([
    ["csv", "row,kind\n1,poison\n"],
    ["csv", "row,kind\n1\n"],
    ["csv", formatTruth([row], "csv").replace("3,poison", ",poison")],
    ["jsonl", "{"],
    ["jsonl", "3"],
    ["jsonl", JSON.stringify({ ...row, row: -1 })],
    ["jsonl", JSON.stringify({ ...row, kind: "other" })],
  ] as const)("refuses a %s of %j", (format, text) => {
    expect(() => parseTruth(text, format, "manifest")).toThrow(UserError);
    expect(() => parseTruth(text, format, "manifest")).toThrow(/^manifest: /);
  });
});
