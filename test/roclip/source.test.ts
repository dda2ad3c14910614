/** Tables of a run, read: which classes they bring, and what the held-out one must show. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../../roclip/errors.ts";
import { readSource, unseenClasses } from "../../roclip/source.ts";
import { writePairs } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "roclip-source-"));
const at = (name: string) => join(folder, name);
beforeAll(() => writePairs(folder, 24));
afterAll(() => rmSync(folder, { recursive: true }));

/** The pairs as training table, and some of them as held-out table. */
function read(heldOut?: (line: string) => string | undefined) {
  const [titles, ...lines] = readFileSync(at("pairs.csv"), "utf8").split("\n");
  const rows = lines.flatMap((line) => heldOut?.(line) ?? []);
  writeFileSync(at("test.csv"), [titles, ...rows].join("\n"));
  const paths = { data: at("pairs.csv"), images: at("images") };
  const test = heldOut && { test: at("test.csv") };
  const source = { kind: "manifest", ...paths, ...test, minClass: 2, prompts: ["{}"] } as const;
  return readSource(source, 8, 1);
}

describe("readSource", () => {
  it("brings the classes of the training table, each with held-out images", async () => {
    const data = await read((line) => line);
    expect(data.classes).toEqual(["blue", "red"]);
    expect(unseenClasses(data)).toEqual([]);
  });

  it("refuses a held-out table without an image of a class, or with no label", async () => {
    const red = read((line) => (line.endsWith("red") ? line : undefined));
    await expect(red).rejects.toThrow(UserError);
    await expect(red).rejects.toThrow(
      /test\.csv: every class must have a labelled held-out image; 1 of 2 have none \(blue\); add/,
    );
    const unlabelled = read((line) => line.replace(/(red|blue)$/, ""));
    await expect(unlabelled).rejects.toThrow("2 of 2 have none (blue, red)");
  });

  it("names the classes that a split of its own holds no image of", async () => {
    const data = await read();
    expect(data.test.ids).toHaveLength(2);
    const seen = new Set(data.test.labels);
    expect(unseenClasses(data)).toEqual(["blue", "red"].filter((name) => !seen.has(name)));
    expect(unseenClasses({ ...data, classes: ["blue", "green", "red"] })).toContain("green");
  });
});
