import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { unpackTar } from "modern-tar";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Device, openDevice } from "../../engine/index.ts";
import {
  evaluationSet,
  type Labelled,
  type ReadSet,
  readSet,
} from "../../roclip/data/evaluationSets.ts";
import { probeAccuracy } from "../../roclip/measures/linearModel.ts";
import { logisticRegression } from "../../roclip/measures/logisticRegression.ts";
import { sharedFile } from "./shared.ts";

const PLANE = 32 * 32; // pixels
const ROWS = 10_000; // of each side

let folder: string;
let photos: ReadSet;
let device: Device;

beforeAll(async () => {
  device = await openDevice();
  folder = await mkdtemp(join(tmpdir(), "roclip-cifar-"));
  const archives = { train: "cifar10-train10k.tar.gz", test: "cifar10-test.tar.gz" };
  for (const [side, name] of Object.entries(archives))
    for (const { header, data } of await unpackTar(gunzipSync(await readFile(sharedFile(name))))) {
      if (!header.name.endsWith(".jpg") || !data) continue;
      const path = join(folder, side, header.name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, data);
    }
  photos = await readSet(evaluationSet("folders"), folder, 32);
}, 600_000);

afterAll(async () => {
  device.close();
  await rm(folder, { recursive: true });
});

/** Rows of a side as records of the binary version. */
function records({ images, labels }: Labelled, from: number, to: number): Uint8Array {
  const bytes = new Uint8Array((to - from) * (1 + 3 * PLANE));
  for (let row = from; row < to; row++) {
    const at = (row - from) * (1 + 3 * PLANE);
    bytes[at] = labels[row]!;
    for (let i = 0; i < 3 * PLANE; i++)
      bytes[at + 1 + (i % 3) * PLANE + Math.floor(i / 3)] = images[row * 3 * PLANE + i]!;
  }
  return bytes;
}

test("reads CIFAR-10's photos from class folders, 1,000 of each class", () => {
  expect(photos.classes).toEqual([
    ...["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
  ]);
  for (const { labels } of [photos.train, photos.test]) {
    expect(labels).toHaveLength(ROWS);
    for (let c = 0; c < 10; c++) expect(labels.filter((label) => label === c)).toHaveLength(1000);
  }
});

test("reads the same photos from the binary version, pixel for pixel", async () => {
  const fifth = ROWS / 5;
  for (let i = 0; i < 5; i++) {
    const bytes = records(photos.train, i * fifth, (i + 1) * fifth);
    await writeFile(join(folder, `data_batch_${i + 1}.bin`), bytes);
  }
  await writeFile(join(folder, "test_batch.bin"), records(photos.test, 0, ROWS));
  const binary = await readSet(evaluationSet("cifar10"), folder, 32);
  expect(binary.classes).toEqual(photos.classes);
  for (const side of ["train", "test"] as const) {
    expect(binary[side].labels).toEqual(photos[side].labels);
    expect(Buffer.compare(binary[side].images, photos[side].images)).toBe(0);
  }
});

test("has labels that its pixels bear out", async () => {
  const small = await readSet(evaluationSet("cifar10"), folder, 8, 100);
  const rows = ({ images }: Labelled) => ({
    data: Float32Array.from(images, (value) => value / 255),
    width: 8 * 8 * 3,
  });
  const { train } = small;
  const fitted = await logisticRegression(device, rows(train), train.labels, 10, 10);
  const { top1 } = probeAccuracy(fitted.model, rows(small.test), small.test.labels);
  expect(top1.low).toBeGreaterThan(0.2); // by chance 0.1
});
