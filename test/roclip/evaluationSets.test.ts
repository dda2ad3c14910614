/** Evaluation sets: small ones laid out as the real ones are, read. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  checkSet,
  EVALUATION_SETS,
  evaluationSet,
  readSet,
} from "../../roclip/data/evaluationSets.ts";
import { promptsOf } from "../../roclip/data/sets/set.ts";

let folder: string;
let png: Buffer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "roclip-sets-"));
  const flat = sharp({ create: { width: 12, height: 8, channels: 3, background: "#ff8000" } });
  png = await flat.png().toBuffer();
});
afterAll(() => rmSync(folder, { recursive: true }));

const write = (path: string, content: string | Uint8Array) => {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, content);
};
const mat = (name: string, path: string) => {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  copyFileSync(fileURLToPath(new URL(`../golden/mat/${name}.mat`, import.meta.url)), whole);
};

/** The images of a set, as "file → class". */
async function listed(name: string, at = name) {
  const set = evaluationSet(name);
  const split = await set.list(join(folder, at));
  const { classes } = await set.prompts(join(folder, at));
  const texts = (side: "train" | "test") =>
    split[side].map(({ file, label }) => `${file} → ${classes[label]}`);
  return { train: texts("train"), test: texts("test") };
}

describe("the names and prompts", () => {
  const counts: Record<string, [classes: number, templates: number]> = {
    ...{ caltech101: [102, 34], cars: [196, 8], cifar10: [10, 18], cifar100: [100, 18] },
    ...{ dtd: [47, 8], "fgvc-aircraft": [100, 2], flowers102: [102, 1], food101: [101, 1] },
    ...{ imagenet: [1000, 80], pets: [37, 1] },
  };
  it("are as many as the sets have, each prompt with one place for a class", () => {
    const own = EVALUATION_SETS.filter(({ name }) => name !== "folders");
    expect(own.map(({ name }) => name)).toEqual(Object.keys(counts));
    for (const { name } of own) {
      const { classes, templates, folders = classes } = promptsOf(name);
      expect([classes.length, templates.length, folders.length], name).toEqual([
        ...[...counts[name]!, counts[name]![0]],
      ]);
      expect(new Set(folders).size, name).toBe(folders.length);
      for (const template of templates) expect(template.split("{}"), template).toHaveLength(2);
    }
  });

  it("belong to each other where folders have other names", () => {
    const pair = (name: string, of: string) => {
      const { classes, folders } = promptsOf(name);
      return classes[folders!.indexOf(of)];
    };
    expect(pair("caltech101", "Faces_easy")).toBe("centered face");
    expect(pair("caltech101", "yin_yang")).toBe("yin and yang symbol");
    expect(pair("caltech101", "joshua_tree")).toBe("joshua tree");
    expect(pair("imagenet", "n01440764")).toBe("tench");
    expect(pair("imagenet", "n02510455")).toBe("giant panda");
    expect(pair("imagenet", "n15075141")).toBe("toilet paper");
  });
});

/** A CIFAR record: labels, then planes; red is the column, green the row, blue the label. */
function record(labels: number[]): number[] {
  const plane = (of: (row: number, column: number) => number) =>
    Array.from({ length: 1024 }, (_, i) => of(Math.floor(i / 32), i % 32));
  const planes = [plane((_, x) => x), plane((y) => y), plane(() => labels.at(-1)!)];
  return [...labels, ...planes.flat()];
}

describe("CIFAR", () => {
  it("is read plane by plane, with the fine class of CIFAR-100", async () => {
    const all = (labels: number[][]) => Uint8Array.from(labels.flatMap(record));
    for (let batch = 1; batch <= 5; batch++)
      write(`ten/cifar-10-batches-bin/data_batch_${batch}.bin`, all([[batch], [0]]));
    write(
      "ten/cifar-10-batches-bin/test_batch.bin",
      all([9, 0, 1, 2, 3, 4, 5, 6, 7, 8].map((c) => [c])),
    );
    const ten = await readSet(evaluationSet("cifar10"), join(folder, "ten"), 32);
    expect(ten.classes[ten.test.labels[0]!]).toBe("truck");
    expect(ten.train.labels).toEqual([1, 0, 2, 0, 3, 0, 4, 0, 5, 0]);
    const at = (y: number, x: number) => [
      ...ten.test.images.subarray((y * 32 + x) * 3).slice(0, 3),
    ];
    expect(at(0, 0)).toEqual([0, 0, 9]);
    expect(at(5, 31)).toEqual([31, 5, 9]);
    const half = await readSet(evaluationSet("cifar10"), join(folder, "ten"), 16, 1);
    expect(half.train.labels).toEqual([1, 0, 2, 3, 4, 5]); // one of each class
    const [red, green, blue] = half.test.images.subarray((3 * 16 + 8) * 3);
    expect(Math.abs(red! - 16.5)).toBeLessThanOrEqual(1);
    expect(Math.abs(green! - 6.5)).toBeLessThanOrEqual(1);
    expect(blue).toBe(9);

    write("hundred/train.bin", all([[11, 98]]));
    write("hundred/test.bin", all([[0, 51]]));
    expect(await listed("cifar100", "hundred")).toEqual({
      train: ["train.bin → woman"],
      test: ["test.bin → mushroom"],
    });
    write("hundred/test.bin", Uint8Array.from([1, 2, 3]));
    await expect(readSet(evaluationSet("cifar100"), join(folder, "hundred"), 8)).rejects.toThrow(
      /CIFAR-100 must be as it is distributed; test\.bin has 3 bytes/,
    );
  });
});

describe("sets of files", () => {
  it("follow the lists of Food-101, DTD, FGVC-Aircraft and Pets", async () => {
    write("food101/meta/train.txt", "apple_pie/1005649\nwaffles/7\n");
    write("food101/meta/test.txt", "baby_back_ribs/12\r\n");
    expect(await listed("food101")).toEqual({
      train: ["images/apple_pie/1005649.jpg → apple pie", "images/waffles/7.jpg → waffles"],
      test: ["images/baby_back_ribs/12.jpg → baby back ribs"],
    });
    write("dtd/labels/train1.txt", "banded/banded_0002.jpg\n");
    write("dtd/labels/val1.txt", "polka-dotted/polka-dotted_0003.jpg\n");
    write("dtd/labels/test1.txt", "zigzagged/zigzagged_0001.jpg\n");
    expect(await listed("dtd")).toEqual({
      train: [
        "images/banded/banded_0002.jpg → banded",
        "images/polka-dotted/polka-dotted_0003.jpg → polka-dotted",
      ],
      test: ["images/zigzagged/zigzagged_0001.jpg → zigzagged"],
    });
    write(
      "fgvc-aircraft/data/images_variant_trainval.txt",
      "1025794 707-320\n0056978 BAE 146-200\n",
    );
    write("fgvc-aircraft/data/images_variant_test.txt", "1514522 F-16A/B\n");
    expect(await listed("fgvc-aircraft")).toEqual({
      train: ["data/images/1025794.jpg → 707-320", "data/images/0056978.jpg → BAE 146-200"],
      test: ["data/images/1514522.jpg → F-16A/B"],
    });
    write(
      "pets/annotations/trainval.txt",
      "#Image CLASS-ID SPECIES BREED ID\nAbyssinian_100 1 1 1\n",
    );
    write("pets/annotations/test.txt", "american_bulldog_201 2 2 1\n");
    expect(await listed("pets")).toEqual({
      train: ["images/Abyssinian_100.jpg → Abyssinian"],
      test: ["images/american_bulldog_201.jpg → american bulldog"],
    });
  });

  it("follow the MATLAB files of Flowers 102 and Stanford Cars", async () => {
    mat("imagelabels", "flowers102/imagelabels.mat");
    mat("setid", "flowers102/setid.mat");
    const image = (n: number, name: string) => `jpg/image_0000${n}.jpg → ${name}`;
    expect(await listed("flowers102")).toEqual({
      train: [
        image(1, "pink primrose"),
        image(3, "hard-leaved pocket orchid"),
        image(5, "blackberry lily"),
      ],
      test: [
        image(2, "pink primrose"),
        image(4, "hard-leaved pocket orchid"),
        image(6, "blackberry lily"),
      ],
    });
    mat("cars_train_annos", "cars/devkit/cars_train_annos.mat");
    mat("cars_test_annos_withlabels", "cars/cars_test_annos_withlabels.mat");
    const [hummer, smart] = ["AM General Hummer SUV 2000", "smart fortwo Convertible 2012"];
    expect(await listed("cars")).toEqual({
      train: [1, 2, 3].map((n) => `cars_train/0000${n}.jpg → ${n === 2 ? smart : hummer}`),
      test: [`cars_test/00001.jpg → ${smart}`, `cars_test/00002.jpg → ${hummer}`],
    });
    mat("cars_test_annos_withlabels", "flowers102/setid.mat");
    await expect(listed("flowers102")).rejects.toThrow(/must hold trnid as numbers; it holds none/);
  });

  it("go by the folders of ImageNet and Caltech101, and split the latter the same every time", async () => {
    write("imagenet/train/n01440764/n01440764_10026.JPEG", png);
    write("imagenet/train/n01443537/n01443537_2.JPEG", png);
    write("imagenet/val/n01443537/ILSVRC2012_val_00000236.JPEG", png);
    write("imagenet/val/n01443537/notes.txt", "no image");
    expect(await listed("imagenet")).toEqual({
      train: [
        "train/n01440764/n01440764_10026.JPEG → tench",
        "train/n01443537/n01443537_2.JPEG → goldfish",
      ],
      test: ["val/n01443537/ILSVRC2012_val_00000236.JPEG → goldfish"],
    });
    for (let i = 1; i <= 33; i++)
      for (const name of ["Faces", "wrench"])
        write(`caltech101/101_ObjectCategories/${name}/image_${1000 + i}.jpg`, png);
    const split = await listed("caltech101");
    expect([split.train.length, split.test.length]).toEqual([60, 6]);
    expect(new Set([...split.train, ...split.test]).size).toBe(66);
    expect(split.test.filter((text) => text.endsWith("→ off-center face"))).toHaveLength(3);
    expect(await listed("caltech101")).toEqual(split);
    write("imagenet/train/n00000000/a.JPEG", png);
    await expect(listed("imagenet")).rejects.toThrow(/names the class "n00000000"/);
  });

  it("take a folder of anyone's own, and decode what they list", async () => {
    for (const side of ["train", "test"])
      for (const name of ["red_fox", "bear"]) write(`own/${side}/${name}/1.png`, png);
    const own = await readSet(evaluationSet("folders"), join(folder, "own"), 4);
    expect(own.classes).toEqual(["bear", "red fox"]);
    expect(own.test.labels).toEqual([0, 1]);
    expect([...own.test.images.slice(0, 3)]).toEqual([255, 128, 0]);
    expect(own.test.images).toHaveLength(2 * 4 * 4 * 3);
  });
});

describe("what is not whole", () => {
  it("is told by name: files, images of a list, classes without a test image", async () => {
    const dtd = evaluationSet("dtd");
    write("partly/labels/train1.txt", "banded/1.jpg\nwoven/2.jpg\n");
    const before = await checkSet(dtd, join(folder, "partly"));
    expect(before.missing).toEqual(["images", "labels/val1.txt", "labels/test1.txt"]);
    write("partly/labels/val1.txt", "");
    write("partly/labels/test1.txt", "banded/3.jpg\n");
    write("partly/images/banded/1.jpg", png);
    const after = await checkSet(dtd, join(folder, "partly"));
    expect(after.missing).toEqual(["images/woven/2.jpg", "images/banded/3.jpg"]);
    expect(after.images).toEqual({ train: 2, test: 1 });
    expect(after.empty).toHaveLength(46);
    await expect(readSet(dtd, join(folder, "partly"), 8)).rejects.toThrow(
      /2 files are missing \(images\/woven\/2.jpg, .*roclip data dtd --check/,
    );
    for (const file of after.missing) write(`partly/${file}`, png);
    await expect(readSet(dtd, join(folder, "partly"), 8)).rejects.toThrow(
      /46 classes have no test image \(blotchy, /,
    );
  });

  it("is told of a label that no class has, an image that is none, and an unknown name", async () => {
    write("odd/train.bin", Uint8Array.from(record([3, 100])));
    write("odd/test.bin", Uint8Array.from(record([3, 1])));
    await expect(readSet(evaluationSet("cifar100"), join(folder, "odd"), 8)).rejects.toThrow(
      /train\.bin is of class 101, of 100/,
    );
    for (const side of ["train", "test"]) write(`broken/${side}/a/1.png`, "no picture");
    await expect(readSet(evaluationSet("folders"), join(folder, "broken"), 8)).rejects.toThrow(
      /1\.png: must be an image that can be decoded/,
    );
    expect(() => evaluationSet("cifar-10")).toThrow(/did you mean "cifar10"/);
  });
});
