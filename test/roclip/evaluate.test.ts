/** `roclip evaluate` on models of the command line's own training. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Measured } from "../../roclip/cli/measure.ts";
import { detection } from "../../roclip/measures/detection.ts";
import { pairSimilarities } from "../../roclip/measures/similarity.ts";
import { zeroShot } from "../../roclip/measures.ts";
import { RUN_FILES, readTruth } from "../../roclip/runFolder.ts";
import { decodeSafetensors } from "../../roclip/safetensors.ts";
import { roclip, writePairs } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "roclip-evaluate-"));
const at = (...parts: string[]) => join(folder, ...parts);
const pairs = ["--data", at("pairs.csv"), "--images", at("images"), "--min-class", "2"];
const clean = at("clean");
const attacked = at("attacked");

const SMALL = "--batch 16 --image-size 8 --image-blocks 1 --text-layers 1 --vocabulary-size 514";
const NO_ATTACK = "--poison-targets 0 --backdoor-count 0";

/** Train on the pairs; later flags win. */
async function trained(run: string, flags: string, ...more: string[]): Promise<void> {
  const words = ["train", ...pairs, ...more, ...`${SMALL} ${NO_ATTACK} ${flags}`.split(" ")];
  const { code, errors } = await roclip([...words, "--out", run]);
  expect(code, errors).toBe(0);
}

beforeAll(async () => {
  await writePairs(folder, 48);
  await trained(clean, "--epochs 40");
  const poison = "--poison-targets 1 --poison-captions-per-target 2";
  const matching = "--epochs 2 --roclip-first-epoch 2 --roclip-frequency 2";
  const attacks = `${matching} ${poison} --backdoor-count 4 --epoch-measures audit,detection`;
  await trained(attacked, attacks, "--test", at("pairs.csv"));
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** What `evaluate` prints, and the row that it writes as JSON. */
async function evaluated(run: string, ...words: string[]) {
  const json = at("measured.json");
  const { code, out, errors } = await roclip(["evaluate", run, ...words, "--json", json]);
  expect(code, errors).toBe(0);
  const rows = JSON.parse(readFileSync(json, "utf8")) as Measured[];
  const { measures, confusions, ...row } = rows[0]!;
  return { out, measures, confusions, row };
}

describe("roclip evaluate", () => {
  it("takes every measure of a run, also on other data", async () => {
    for (const side of ["train", "test"])
      for (const [row, name] of ["red", "blue"].entries()) {
        mkdirSync(at("sides", side, name), { recursive: true });
        copyFileSync(at("images", `${row}.png`), at("sides", side, name, "a.png"));
      }
    const words = ["--measures", "all", "--on", `folders=${at("sides")}`];
    const { out, measures, row } = await evaluated(clean, ...words);
    // The three pairs of 48 that are held out are blue by chance.
    expect(out).toContain("Classes without a held-out image, which no accuracy counts: red.\n");
    expect(out).toMatch(/zero-shot +top-1 +\d+\.\d% +\d+\.\d% – \d+\.\d% +\d+/);
    const top1 = measures.find(({ measure }) => measure === "top-1")!.value;
    expect(row).toMatchObject({ seed: 1, epoch: 40, zeroShotTop1: top1, psr: null, asr: null });
    expect([...new Set(measures.map(({ group }) => group))]).toEqual([
      ...["zero-shot", "retrieval", "probe", "regression", "detection", "audit", "folders"],
    ]);
    const elsewhere = measures.filter(({ group }) => group === "folders");
    expect(elsewhere.map(({ measure, cases }) => [measure, cases])).toEqual([
      ...[
        ["zero-shot top-1", 2],
        ["zero-shot top-5", 2],
        ["zero-shot class mean", undefined],
      ],
      ...[
        ["linear probe top-1", 2],
        ["linear probe class mean", undefined],
      ],
    ]);
    expect(elsewhere[1]!.value).toBe(1); // of two classes
    expect(elsewhere[3]!.value).toBe(1); // red and blue squares
    const probed = measures.find(({ measure }) => measure === "linear probe top-1");
    expect(probed!.value).toBe(1); // red and blue squares
  });

  it("measures a clean model by another's attack: what chance alone gives", async () => {
    // What is taken for the target without a trigger's having been learnt.
    const words = [...pairs, "--test", at("pairs.csv"), "--attacks-of", attacked];
    const { row } = await evaluated(clean, ...words);
    expect(row).toMatchObject({ epoch: 40, psr: expect.any(Number), asr: expect.any(Number) });
  });

  it("says which classes are confused, and all of it in the JSON", async () => {
    const [, ...rows] = readFileSync(at("pairs.csv"), "utf8").split("\n");
    const swapped = rows.map((row) =>
      row.replace(/(red|blue)$/, (label) => (label === "red" ? "blue" : "red")),
    );
    writeFileSync(at("swapped.csv"), ["image,caption,label", ...swapped].join("\n"));
    const of = (table: string) =>
      evaluated(clean, ...pairs, "--data", at(table), "--test", at(table));
    const right = await of("pairs.csv");
    expect(right.out).not.toContain("confusions");
    const cell = { images: 24, share: 1 };
    expect(right.confusions).toEqual([
      { trueClass: "blue", predicted: "blue", ...cell },
      { trueClass: "red", predicted: "red", ...cell },
    ]);
    const wrong = await of("swapped.csv");
    expect(wrong.out).toMatch(/blue +red +24 +100\.0%\nred +blue +24 +100\.0%\n/);
    expect(wrong.confusions).toEqual([
      { trueClass: "blue", predicted: "red", ...cell },
      { trueClass: "red", predicted: "blue", ...cell },
    ]);
  });

  it("measures attacks, detection and audit of an attacked run, and writes its matches", async () => {
    const csv = at("matches.csv");
    const words = ["--measures", "attacks,detection,audit", "--matches", csv];
    const { out, measures, row } = await evaluated(attacked, ...words);
    expect(out).toMatch(/precision at recall 0\.9 +\d+\.\d%/);
    const truth = await readTruth(attacked);
    const of = (name: string) => measures.find(({ measure }) => measure === name)!;
    expect(of("PSR")).toMatchObject({ group: "attacks", value: row.psr, cases: 1 });
    const asr = measures.find(({ measure }) => measure.startsWith("ASR, checker → "))!;
    expect(asr).toMatchObject({ group: "attacks", value: row.asr });
    const precisions = ["precision at recall 0.5", "precision at recall 0.9"];
    for (const name of ["AUROC", "average precision", ...precisions]) {
      expect(of(name)).toMatchObject({ group: "detection", value: expect.any(Number) });
      expect(Math.abs(of(name).value! - 0.5)).toBeLessThanOrEqual(0.5);
    }
    // The file and the audit tell of the same matches.
    const rows: Record<string, string>[] = parse(readFileSync(csv), { columns: true });
    const known = rows.filter(({ attack }) => attack !== "");
    const matched = new Set(rows.map(({ row }) => Number(row)));
    expect(matched.size).toBe(48); // three batches of 16; the rest of 50 pairs is left out
    expect(known.map(({ row, attack, caption }) => [Number(row), attack, caption])).toEqual(
      truth
        .filter(({ row }) => matched.has(row))
        .map(({ row, kind, caption }) => [row, kind, caption]),
    );
    const poisoned = ({ matchedPoisoned }: Record<string, string>) => matchedPoisoned === "true";
    expect(of("pairs matched to a poisoned caption")).toMatchObject({
      value: rows.filter(poisoned).length / rows.length,
      cases: 48,
    });
    expect(of("poisoned pairs matched to one")).toMatchObject({
      value: known.filter(poisoned).length / known.length,
      cases: known.length,
    });
  });

  it("measures at its end what training was asked to measure after every epoch", async () => {
    const { measures } = await evaluated(attacked, "--measures", "audit,detection");
    const lines = readFileSync(join(attacked, RUN_FILES.metrics), "utf8").trim().split("\n");
    const measured = lines
      .map((line) => JSON.parse(line))
      .filter((line) => line.kind === "measures");
    expect(measured).toHaveLength(2);
    expect(measured[1]).toEqual({
      kind: "measures",
      step: 6,
      epoch: 2,
      phase: "matching",
      measures,
    });
  });

  it("writes embeddings from which its measures can be had again", async () => {
    const file = at("embeddings.safetensors");
    const words = ["--measures", "zero-shot,detection", "--embeddings", file];
    const { measures, row } = await evaluated(attacked, ...words);
    const { tensors, metadata } = decodeSafetensors(readFileSync(file), file);
    expect(metadata.classes).toBe('["blue","red"]');
    const shapes = Object.entries(tensors).map(([name, { shape }]) => [name, shape[0]]);
    expect(Object.fromEntries(shapes)).toEqual({
      ...{ classes: 2, "clean.features": 48, "clean.labels": 48 },
      ...{ "test.images": 48, "test.texts": 48, "test.features": 48, "test.labels": 48 },
      ...{ "pairs.images": 50, "pairs.texts": 50, "pairs.attacked": 50 },
    });
    const rows = (name: string) => {
      const { data, shape } = tensors[name]!;
      return { data: Float32Array.from(data), width: shape[1]! };
    };
    const found = zeroShot(rows("test.images"), rows("classes"), tensors["test.labels"]!.data);
    expect(found.top1.value).toBe(row.zeroShotTop1);
    const similarities = pairSimilarities(rows("pairs.images"), rows("pairs.texts"));
    const flags = Array.from(tensors["pairs.attacked"]!.data, (flag) => flag === 1);
    expect(flags.filter(Boolean)).toHaveLength(4 + 2);
    const { auroc } = detection(
      [...similarities].map((similarity) => -similarity),
      flags,
    );
    expect(measures.find(({ measure }) => measure === "AUROC")!.value).toBe(auroc);
  });
});
