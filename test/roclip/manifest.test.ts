import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { imageOf } from "../../roclip/data/dataset.ts";
import { decodeImage } from "../../roclip/data/image.ts";
import { type ManifestOptions, readManifest } from "../../roclip/data/manifest.ts";
import { UserError } from "../../roclip/errors.ts";

const ROWS = 120; // one bad row of 120 is below the limit of 1%, two are above
const SIZE = 4;

let folder: string;
const at = (...names: string[]) => join(folder, ...names);

/** A one-colour PNG; the colour tells the row. */
function plainImage(row: number): Promise<Buffer> {
  const background = { r: row, g: 255 - row, b: 7 };
  return sharp({ create: { width: 6, height: 5, channels: 3, background } })
    .png()
    .toBuffer();
}

const nameOf = (row: number) => `${String(row).padStart(3, "0")}.png`;

function table(change: (row: number) => Partial<Record<"image" | "caption", string>> = () => ({})) {
  const lines = Array.from({ length: ROWS }, (_, row) => {
    const { image = nameOf(row), caption = `"thing, number ${row}"` } = change(row);
    return `${image},${caption},label ${row % 3}`;
  });
  return `\ufeffimage,caption,label\n${lines.join("\n")}\n`;
}

async function read(text: string, options: Partial<ManifestOptions> = {}) {
  await writeFile(at("table.csv"), text);
  return readManifest({ csv: at("table.csv"), images: at("images"), size: SIZE, ...options });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "roclip-manifest-"));
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  await mkdir(at("images"));
  const entries = [];
  for (let row = 0; row < ROWS; row++) {
    const body = await plainImage(row);
    await writeFile(at("images", nameOf(row)), body);
    entries.push({ header: { name: `./photos/${nameOf(row)}`, size: body.length }, body });
  }
  await writeFile(at("broken.png"), (await plainImage(1)).subarray(0, 50));
  await writeFile(at("images.tar"), await packTar(entries.toReversed()));
  await writeFile(at("images.tgz"), gzipSync(await readFile(at("images.tar"))));
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

describe("readManifest", () => {
  test("reads rows in the table's order, with their pixels", async () => {
    const { dataset, skipped } = await read(table());
    expect(skipped).toEqual([]);
    expect(dataset.name).toBe("table");
    expect(dataset.ids.slice(0, 2)).toEqual(["000.png", "001.png"]);
    expect(dataset.captions[117]).toBe("thing, number 117");
    expect(dataset.labels[4]).toBe("label 1");
    for (const row of [0, 1, 60, ROWS - 1]) {
      expect([...imageOf(dataset, row).slice(0, 3)]).toEqual([row, 255 - row, 7]);
    }
  });

  test.each(["images.tar", "images.tgz"])("reads the same from %s", async (archive) => {
    const { dataset } = await read(table());
    const packed = await read(table(), { images: at(archive) });
    expect(packed.dataset).toEqual(dataset);
  });

  test("reads other columns, tabs, and tables without labels", async () => {
    await writeFile(at("other.tsv"), 'file\ttext\n000.png\tsays "hi"\n001.png\ttwo\n');
    const { dataset } = await readManifest({
      csv: at("other.tsv"),
      images: at("images"),
      size: SIZE,
      imageColumn: "file",
      captionColumn: "text",
    });
    expect(dataset.captions).toEqual(['says "hi"', "two"]);
    expect(dataset.labels).toEqual(["", ""]);
  });

  test("leaves out one bad row, and names it", async () => {
    await writeFile(at("images", "half.png"), await readFile(at("broken.png")));
    const cases = [
      [{ image: "absent.png" }, "absent.png", /^missing$/],
      [{ image: "../broken.png" }, "../broken.png", /^missing$/],
      [{ image: "half.png" }, "half.png", /^unreadable: /],
      [{ image: '""' }, "", /^no image named$/],
      [{ caption: '" "' }, "005.png", /^empty caption$/],
    ] as const;
    for (const [change, file, reason] of cases) {
      const { dataset, skipped } = await read(table((row) => (row === 5 ? change : {})));
      expect(skipped).toEqual([{ file, reason: expect.stringMatching(reason) }]);
      expect(dataset.ids).toHaveLength(ROWS - 1);
      expect([...imageOf(dataset, 5).slice(0, 3)]).toEqual([6, 249, 7]);
    }
  });

  test("stops when more than 1% of the rows are bad", async () => {
    const bad = table((row) =>
      row === 5 ? { image: "no.png" } : row === 8 ? { caption: "" } : {},
    );
    await expect(read(bad)).rejects.toThrow(
      /table\.csv: at most 1% .*; 2 of 120 do: no\.png \(missing\), 008\.png \(empty caption\); check/,
    );
  });

  test("keeps pixels between runs until a file changes", async () => {
    const progress = vi.fn();
    const first = await read(table(), { size: 3, onProgress: progress });
    expect(progress).toHaveBeenCalledTimes(ROWS + 1);
    progress.mockClear();
    expect(await read(table(), { size: 3, onProgress: progress })).toEqual(first);
    expect(progress.mock.calls).toEqual([[ROWS, ROWS]]);
    await writeFile(at("images", nameOf(9)), await plainImage(200));
    const { dataset } = await read(table(), { size: 3 });
    expect(imageOf(dataset, 9)[0]).toBe(200);
    await writeFile(at("images", nameOf(9)), await plainImage(9));
  });
});

describe("readManifest rejects", () => {
  const rejected = async (work: Promise<unknown>, message: RegExp) => {
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(message);
  };

  test("a missing table, a folder for a table", async () => {
    const options = { images: at("images"), size: SIZE };
    await rejected(readManifest({ ...options, csv: at("no.csv") }), /no\.csv: must be a CSV file;/);
    await rejected(readManifest({ ...options, csv: folder }), /must be a CSV file;/);
  });

  test("a table without the columns, without rows, or broken", async () => {
    await rejected(
      read("image,text\na,b\n"),
      /columns image, caption; caption missing, found image, text/,
    );
    const options = { labelColumn: "kind" };
    await rejected(read(table(), options), /columns image, caption, kind; kind missing/);
    await rejected(read("image,caption\n"), /at least one row/);
    await rejected(read(""), /at least one row/);
    await rejected(read('image,caption\na,"b\n'), /Quote Not Closed/);
    await rejected(read("image,caption\na,b,c\n"), /line 2/);
  });

  test("an image named twice", async () => {
    const twice = table((row) => (row === 3 ? { image: nameOf(4) } : {}));
    await rejected(
      read(twice),
      /must name each image once; found 1 named twice or more \(004\.png\)/,
    );
  });

  test("images that are not there, not an archive, or cut short", async () => {
    await rejected(read(table(), { images: at("nowhere") }), /nowhere does not exist/);
    await writeFile(at("text.tar"), "this is no archive ".repeat(100));
    await rejected(read(table(), { images: at("text.tar") }), /text\.tar cannot be read/);
    await writeFile(at("empty.tar"), Buffer.alloc(1024));
    await rejected(read(table(), { images: at("empty.tar") }), /empty\.tar has no entries/);
    const packed = await readFile(at("images.tgz"));
    await writeFile(at("cut.tgz"), packed.subarray(0, packed.length / 2));
    await rejected(read(table(), { images: at("cut.tgz") }), /cut\.tgz cannot be read/);
  });

  test("more pixels than one array holds", async () => {
    const work = read("image,caption\n000.png,x\n001.png,y\n", { size: 2 ** 25 });
    await rejected(
      work,
      /table\.csv: all images must fit one array in memory; found 2 of 33554432 × 33554432 pixels/,
    );
  });

  test("a name that fits two entries of an archive", async () => {
    const body = await plainImage(0);
    const entries = ["a/000.png", "b/000.png"].map((name) => ({
      header: { name, size: body.length },
      body,
    }));
    await writeFile(at("two.tar"), await packTar(entries));
    const work = read("image,caption\n000.png,x\n", { images: at("two.tar") });
    await rejected(work, /000\.png fits a\/000\.png and b\/000\.png/);
  });
});

describe("decodeImage", () => {
  const RED = [255, 0, 0];
  const WHITE = [255, 255, 255];

  /** 12 × 4: red in the middle third, blue left and right. */
  const banner = () => {
    const red = { create: { width: 4, height: 4, channels: 3 as const, background: "#ff0000" } };
    return sharp({ create: { width: 12, height: 4, channels: 3, background: "#0000ff" } })
      .composite([{ input: red, left: 4, top: 0 }])
      .png()
      .toBuffer();
  };

  test("cover keeps the centre, contain keeps all on white", async () => {
    const covered = await decodeImage(await banner(), 4, "cover");
    expect([...covered]).toEqual(Array.from({ length: 16 }, () => RED).flat());
    const contained = await decodeImage(await banner(), 12, "contain");
    expect([...contained.slice(0, 3)]).toEqual(WHITE);
    expect([...contained.slice((6 * 12 + 6) * 3, (6 * 12 + 7) * 3)]).toEqual(RED);
  });

  test("transparent is white, grey has three channels, CMYK and 16 bits become sRGB", async () => {
    const create = { width: 8, height: 8, channels: 4 as const, background: "#00000000" };
    const clear = await sharp({ create }).png().toBuffer();
    expect([...(await decodeImage(clear, 2, "cover"))]).toEqual(Array(12).fill(255));
    const base = sharp({ create: { width: 8, height: 8, channels: 3, background: "#808080" } });
    const files = {
      grey: await base.clone().toColourspace("b-w").png().toBuffer(),
      cmyk: await base.clone().toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer(),
      deep: await base.clone().toColourspace("rgb16").png().toBuffer(),
      lossy: await base.clone().webp().toBuffer(),
    };
    for (const [kind, file] of Object.entries(files)) {
      const pixels = await decodeImage(file, 2, "cover");
      expect(pixels, kind).toHaveLength(12);
      const tolerance = kind === "cmyk" ? 16 : 4; // a press profile there and back; lossy codecs
      for (const value of pixels)
        expect(Math.abs(value - 128), kind).toBeLessThanOrEqual(tolerance);
    }
  });
});
