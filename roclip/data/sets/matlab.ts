/** Sets whose labels are MATLAB files. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type MatValue, readMat } from "../mat.ts";
import { type EvaluationSet, type Item, imageFile, promptsOf } from "./set.ts";

/** A variable of a MAT-file, of the kind that is wanted. */
async function variable<K extends MatValue["kind"]>(
  folder: string,
  file: string,
  name: string,
  kind: K,
): Promise<Extract<MatValue, { kind: K }>> {
  const path = join(folder, file);
  const value = readMat(await readFile(path), path)[name];
  if (value?.kind === kind) return value as Extract<MatValue, { kind: K }>;
  throw new Error(`${file} must hold ${name} as ${kind}; it holds ${value?.kind ?? "none"}`);
}

const SETID = "setid.mat";
const LABELS = "imagelabels.mat";

/** Labels are from 1, of images 1 …. @see Nilsback & Zisserman 2008 */
const flowers102: EvaluationSet = {
  name: "flowers102",
  title: "Oxford Flowers 102",
  origin:
    "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/ (102flowers.tgz, imagelabels.mat, setid.mat)",
  top: "flowers-102",
  needs: ["jpg", LABELS, SETID],
  splitting: "trained on trnid and valid; tested on tstid",
  prompts: () => promptsOf("flowers102"),
  async list(folder) {
    const { data: labels } = await variable(folder, LABELS, "labels", "numbers");
    const of = async (name: string): Promise<Item[]> => {
      const { data } = await variable(folder, SETID, name, "numbers");
      return Array.from(data, (image) => {
        const file = `jpg/image_${String(image).padStart(5, "0")}.jpg`;
        return imageFile(folder, file, labels[image - 1]! - 1);
      });
    };
    return { train: [...(await of("trnid")), ...(await of("valid"))], test: await of("tstid") };
  },
};

const CARS = {
  train: { images: "cars_train", labels: "devkit/cars_train_annos.mat" },
  test: { images: "cars_test", labels: "cars_test_annos_withlabels.mat" },
} as const;

/** Classes are from 1. @see Krause et al. 2013, "3D object representations" */
const cars: EvaluationSet = {
  name: "cars",
  title: "Stanford Cars",
  origin:
    "Krause et al. 2013: cars_train.tgz, cars_test.tgz, car_devkit.tgz, cars_test_annos_withlabels.mat; " +
    "the page that had them (ai.stanford.edu/~jkrause/cars/car_dataset.html) no longer does: look for a mirror",
  top: "stanford_cars",
  needs: Object.values(CARS).flatMap(({ images, labels }) => [images, labels]),
  prompts: () => promptsOf("cars"),
  async list(folder) {
    const of = async ({ images, labels }: (typeof CARS)["train" | "test"]): Promise<Item[]> => {
      const { structs } = await variable(folder, labels, "annotations", "structs");
      return structs.map(({ class: kind, fname }, i) => {
        if (kind?.kind !== "numbers" || fname?.kind !== "text")
          throw new Error(`${labels}: annotation ${i + 1} must have a class and an fname`);
        return imageFile(folder, join(images, fname.text), kind.data[0]! - 1);
      });
    };
    return { train: await of(CARS.train), test: await of(CARS.test) };
  },
};

export const MATLAB: readonly EvaluationSet[] = [flowers102, cars];
