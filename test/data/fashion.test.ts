import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fold, keyOf } from "../../engine/random.ts";
import { imageOf } from "../../roclip/data/dataset.ts";
import { readManifest } from "../../roclip/data/manifest.ts";
import { createEda } from "../../roclip/eda.ts";
import { learnTokenizer } from "../../roclip/tokenize.ts";
import { sharedFile, sharedTexts } from "./shared.ts";

let folder: string;
let manifests: Map<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "roclip-fashion-"));
  manifests = await sharedTexts("fashion-manifests.tar.gz");
  for (const [name, text] of manifests) await writeFile(join(folder, name), text);
});

afterAll(() => rm(folder, { recursive: true }));

test("reads the 2,531 test rows from their CSV and the archive of all images", async () => {
  const { dataset, skipped } = await readManifest({
    csv: join(folder, "fashion-test.csv"),
    images: sharedFile("fashion-images.tar.gz"),
    size: 32,
  });
  expect(dataset.ids.length + skipped.length).toBe(2531);
  expect(skipped).toEqual([]);
  expect(dataset.name).toBe("fashion-test");
  expect(dataset.ids[0]).toBe("01546.jpg");
  expect(dataset.captions[0]).toBe("Puma Men's Furore White Shoe");
  expect(dataset.labels[0]).toBe("Shoes");
  expect(new Set(dataset.labels).size).toBeLessThanOrEqual(40);
  const rows = [...dataset.ids.keys()];
  const onWhite = rows.filter((row) => Math.min(...imageOf(dataset, row).slice(0, 3)) > 230);
  const drawn = rows.filter((row) => imageOf(dataset, row).some((value) => value < 200));
  expect(onWhite.length / rows.length).toBeGreaterThan(0.9); // products photographed on white
  expect(drawn.length / rows.length).toBeGreaterThan(0.98);
});

test("tokenizes and augments the 39,959 training captions", () => {
  const rows: { caption: string }[] = parse(manifests.get("fashion-train.csv")!, { columns: true });
  const captions = rows.map((row) => row.caption);
  expect(captions).toHaveLength(39_959);
  const tokenizer = learnTokenizer(captions, { vocabularySize: 4000, contextLength: 32 });
  expect(tokenizer.vocabularySize).toBe(4000);
  const { ends } = tokenizer.encodeBatch(captions);
  expect(Math.max(...ends)).toBeLessThan(31); // no caption is cut
  const eda = createEda();
  const augmented = captions.map((caption, row) => eda(caption, fold(keyOf(1), row)));
  expect(augmented.every((caption) => caption.trim() !== "")).toBe(true);
  const changed = augmented.filter((caption, row) => caption !== captions[row]).length;
  expect(changed / captions.length).toBeGreaterThan(0.8); // deletion spares 0.9⁶ of a quarter
});
