/** CIFAR in its binary version: records of labels and planes of 32 × 32 bytes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { type EvaluationSet, type Item, promptsOf } from "./set.ts";

const SIDE = 32; // pixels
const PLANE = SIDE * SIDE; // bytes of one colour
const ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar.html";

/** Planes of red, green and blue as pixels, resized as image files are. */
async function pixelsOf(planes: Uint8Array, size: number): Promise<Uint8Array> {
  const pixels = Uint8Array.from(
    { length: 3 * PLANE },
    (_, i) => planes[(i % 3) * PLANE + Math.floor(i / 3)]!,
  );
  if (size === SIDE) return pixels;
  const image = sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } });
  return image.resize(size, size, { kernel: "cubic" }).raw({ depth: "uchar" }).toBuffer();
}

/** The records of a file: `labels` bytes, of which the last is the class, then the planes. */
async function recordsOf(folder: string, file: string, labels: number): Promise<Item[]> {
  const bytes = await readFile(join(folder, file));
  const record = labels + 3 * PLANE;
  const count = bytes.length / record;
  if (!Number.isInteger(count))
    throw new Error(`${file} has ${bytes.length} bytes, not a multiple of ${record}`);
  return Array.from({ length: count }, (_, i) => {
    const planes = bytes.subarray(i * record + labels, (i + 1) * record);
    const label = bytes[i * record + labels - 1]!;
    return { file, label, pixels: (size: number) => pixelsOf(planes, size) };
  });
}

/** CIFAR-10 or -100, of the files that hold it. */
function cifar(
  about: Pick<EvaluationSet, "name" | "title" | "origin" | "top">,
  files: { readonly train: readonly string[]; readonly test: string; readonly labels: number },
): EvaluationSet {
  const read = (folder: string, file: string) => recordsOf(folder, file, files.labels);
  return {
    ...about,
    needs: [...files.train, files.test],
    prompts: () => promptsOf(about.name),
    async list(folder) {
      const train = await Promise.all(files.train.map((file) => read(folder, file)));
      return { train: train.flat(), test: await read(folder, files.test) };
    },
  };
}

/** @see Krizhevsky 2009, "Learning multiple layers of features from tiny images" */
export const CIFAR: readonly EvaluationSet[] = [
  cifar(
    {
      ...{ name: "cifar10", title: "CIFAR-10", top: "cifar-10-batches-bin" },
      origin: `${ORIGIN}: CIFAR-10 binary version (cifar-10-binary.tar.gz)`,
    },
    {
      train: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`),
      ...{ test: "test_batch.bin", labels: 1 },
    },
  ),
  cifar(
    {
      ...{ name: "cifar100", title: "CIFAR-100", top: "cifar-100-binary" },
      origin: `${ORIGIN}: CIFAR-100 binary version (cifar-100-binary.tar.gz)`,
    },
    // A coarse class stands before the fine one.
    { train: ["train.bin"], test: "test.bin", labels: 2 },
  ),
];
