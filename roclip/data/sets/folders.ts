/** Sets with a folder for each class. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fold, keyOf, stream } from "../../../engine/index.ts";
import {
  type EvaluationSet,
  type Item,
  imageFile,
  labelOf,
  type Prompts,
  promptsOf,
} from "./set.ts";

const IMAGE = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i;
const TRAIN_PER_CLASS = 30; // Caltech101; Radford et al. 2021, arXiv:2103.00020, table 9
const SPLIT_KEY = 0x73706c74; // "splt"

/** Names of the folders in a folder, in code-point order. */
async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
  return folders.map(({ name }) => name).sort();
}

/** The images below a folder of class folders, class by class, each class in name order. */
async function classesIn(folder: string, side: string, prompts: Prompts): Promise<Item[][]> {
  const label = labelOf(prompts);
  const names = await foldersIn(join(folder, side));
  return Promise.all(
    names.map(async (name) => {
      const path = join(side, name);
      const files = (await readdir(join(folder, path))).filter((file) => IMAGE.test(file)).sort();
      return files.map((file) => imageFile(folder, join(path, file), label(name, path)));
    }),
  );
}

/** A set whose sides are folders of class folders. */
const sides = (train: string, test: string, promptsIn: EvaluationSet["prompts"]) => ({
  needs: [train, test],
  prompts: promptsIn,
  async list(folder: string) {
    const prompts = await promptsIn(folder);
    const read = async (side: string) => (await classesIn(folder, side, prompts)).flat();
    return { train: await read(train), test: await read(test) };
  },
});

/** @see Fei-Fei, Fergus & Perona 2004, "Learning generative visual models from few examples" */
const caltech101: EvaluationSet = {
  name: "caltech101",
  title: "Caltech101",
  origin:
    "https://data.caltech.edu/records/mzrjq-6wc02 (caltech-101.zip, and in it 101_ObjectCategories.tar.gz)",
  top: "caltech-101",
  needs: ["101_ObjectCategories"],
  splitting: `${TRAIN_PER_CLASS} images of each class, drawn once for all, are for training; the others for testing`,
  prompts: () => promptsOf("caltech101"),
  async list(folder) {
    const classes = await classesIn(folder, "101_ObjectCategories", promptsOf("caltech101"));
    const drawn = classes.map((items) => {
      const order = stream(fold(keyOf(0), SPLIT_KEY)).permutation(items.length);
      return Array.from(order, (i) => items[i]!);
    });
    return {
      train: drawn.flatMap((items) => items.slice(0, TRAIN_PER_CLASS)),
      test: drawn.flatMap((items) => items.slice(TRAIN_PER_CLASS)),
    };
  },
};

/** @see Russakovsky et al. 2015, arXiv:1409.0575 */
const imagenet: EvaluationSet = {
  name: "imagenet",
  title: "ImageNet (ILSVRC 2012)",
  origin:
    "https://image-net.org/download.php, training and validation images, in a folder for each WordNet id: " +
    "train/n01440764/*.JPEG, val/n01440764/*.JPEG",
  top: "imagenet",
  splitting: "tested on the validation images: the labels of the test images are not public",
  ...sides("train", "val", () => promptsOf("imagenet")),
};

/** A folder of anyone's own; the names of its folders are its classes. */
const folders: EvaluationSet = {
  name: "folders",
  title: "any images in class folders",
  origin:
    "your own: train/<class>/*.jpg and test/<class>/*.jpg; also .png, .webp, .gif, .tif, .avif",
  top: "",
  ...sides("train", "test", async (folder) => {
    const found = await foldersIn(join(folder, "train"));
    const classes = found.map((name) => name.replaceAll("_", " "));
    return { classes, folders: found, templates: ["a photo of a {}."] };
  }),
};

export const FOLDERS: readonly EvaluationSet[] = [caltech101, imagenet, folders];
