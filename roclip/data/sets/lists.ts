/** Sets whose splits are text files that name the images. */
import { join } from "node:path";
import {
  type EvaluationSet,
  type Item,
  imageFile,
  labelOf,
  linesOf,
  type Prompts,
  promptsOf,
  type Split,
} from "./set.ts";

/** Where a line of a split's file leads. */
type Lead = (line: string) => { readonly file: string; readonly className: string };

/** The images that some split files name, one line each. */
async function listed(
  folder: string,
  files: Split<readonly string[]>,
  prompts: Prompts,
  lead: Lead,
): Promise<Split<Item[]>> {
  const label = labelOf(prompts);
  const read = async (names: readonly string[]) => {
    const items: Item[] = [];
    for (const name of names)
      for (const line of await linesOf(join(folder, name))) {
        if (line.startsWith("#")) continue;
        const { file, className } = lead(line);
        items.push(imageFile(folder, file, label(className, `${name}: "${line}"`)));
      }
    return items;
  };
  return { train: await read(files.train), test: await read(files.test) };
}

/** A set of images, split by files. */
function listedSet(
  about: Pick<EvaluationSet, "name" | "title" | "origin" | "top" | "splitting">,
  images: string,
  files: Split<readonly string[]>,
  lead: Lead,
): EvaluationSet {
  return {
    ...about,
    needs: [images, ...files.train, ...files.test],
    prompts: () => promptsOf(about.name),
    list: (folder) => listed(folder, files, promptsOf(about.name), lead),
  };
}

/** `apple_pie/1005649`: a class folder and a file without its ending. */
const classAndFile = (images: string, ending: string): Lead => {
  return (line) => ({ file: join(images, `${line}${ending}`), className: line.split("/")[0]! });
};

export const LISTS: readonly EvaluationSet[] = [
  /** @see Bossard, Guillaumin & Van Gool 2014, "Food-101 – mining discriminative components" */
  listedSet(
    {
      ...{ name: "food101", title: "Food-101", top: "food-101" },
      origin: "https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/ (food-101.tar.gz)",
    },
    "images",
    { train: ["meta/train.txt"], test: ["meta/test.txt"] },
    classAndFile("images", ".jpg"),
  ),
  /** @see Cimpoi et al. 2014, arXiv:1311.3618 */
  listedSet(
    {
      ...{ name: "dtd", title: "Describable Textures", top: "dtd" },
      origin: "https://www.robots.ox.ac.uk/~vgg/data/dtd/ (dtd-r1.0.1.tar.gz)",
      splitting: "the first of its ten splits: trained on train1 and val1",
    },
    "images",
    { train: ["labels/train1.txt", "labels/val1.txt"], test: ["labels/test1.txt"] },
    classAndFile("images", ""),
  ),
  /** `1025794 707-320`. @see Maji et al. 2013, arXiv:1306.5151 */
  listedSet(
    {
      ...{ name: "fgvc-aircraft", title: "FGVC-Aircraft", top: "fgvc-aircraft-2013b" },
      origin: "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/ (fgvc-aircraft-2013b.tar.gz)",
      splitting: "variants; images as distributed, with the 20 rows of credit at their foot",
    },
    "data/images",
    { train: ["data/images_variant_trainval.txt"], test: ["data/images_variant_test.txt"] },
    (line) => {
      const [image, ...variant] = line.split(" ");
      return { file: `data/images/${image}.jpg`, className: variant.join("_") };
    },
  ),
  /** `Abyssinian_100 1 1 1`. @see Parkhi et al. 2012, "Cats and dogs" */
  listedSet(
    {
      ...{ name: "pets", title: "Oxford-IIIT Pets", top: "oxford-iiit-pet" },
      origin: "https://www.robots.ox.ac.uk/~vgg/data/pets/ (images.tar.gz and annotations.tar.gz)",
    },
    "images",
    { train: ["annotations/trainval.txt"], test: ["annotations/test.txt"] },
    (line) => {
      const image = line.split(" ")[0]!;
      return { file: `images/${image}.jpg`, className: image.replace(/_\d+$/, "") };
    },
  ),
];
