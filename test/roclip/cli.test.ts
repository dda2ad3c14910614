/** The command line as a person meets it: help, errors, exit codes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HostArray, leaves } from "../../engine/index.ts";
import { imageOf } from "../../roclip/data/dataset.ts";
import { readManifest } from "../../roclip/data/manifest.ts";
import { promptsOf } from "../../roclip/data/sets/set.ts";
import { initState } from "../../roclip/model.ts";
import { readRun } from "../../roclip/runFolder.ts";
import { parseTruth } from "../../roclip/truth.ts";
import { readWeights } from "../../roclip/weights.ts";
import { roclip, roclipUnread, writePairs } from "./command.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "roclip-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

let written: Promise<string[]> | undefined;
/** The options that name 48 pairs, written once. */
function pairsOf(): Promise<string[]> {
  written ??= writePairs(folder, 48).then(() => [
    ...["--data", join(folder, "pairs.csv"), "--images", join(folder, "images")],
  ]);
  return written;
}

const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe("roclip", () => {
  it("ends quietly when its output is read no further", async () => {
    expect(await roclipUnread(["train", "--help"])).toMatchObject({ code: 0, errors: "" });
  });

  it("lists its commands with examples, and each command's options", async () => {
    const { code, out } = await roclip(["--help"]);
    expect(code).toBe(0);
    for (const command of [
      "demo",
      "train",
      "evaluate",
      "export",
      "poison",
      "sweep",
      "doctor",
      "tune",
    ])
      expect(out).toContain(`  ${command}`);
    expect(out).toContain("Examples:");
    const help = await roclip(["train", "--help"]);
    expect(help.out).toContain("--roclip-frequency <integer>");
    expect(help.out).toContain("Examples:");
  });

  it("says what the adapter is and that it computes right", async () => {
    const { code, out } = await roclip(["doctor"]);
    expect(out).toMatch(/Adapter: \S+/);
    expect(out).toContain("Self-test: ");
    expect(code).toBe(0);
  });

  it("trains a model of open_clip's form, exports it and begins with what it exported", async () => {
    const vision_cfg = { layers: 1, width: 16, head_width: 8, patch_size: 4, image_size: 8 };
    const text_cfg = { context_length: 8, vocab_size: 514, width: 16, heads: 2, layers: 1 };
    const none = { poison: { targets: 0 }, backdoor: { count: 0 } };
    const config = { model: { embed_dim: 8, vision_cfg, text_cfg }, batch: 16, epochs: 1, ...none };
    const pairs = [...(await pairsOf()), "--min-class", "2"];
    const words = ["train", ...pairs, "--config", file("vit.json", JSON.stringify(config))];
    const first = join(folder, "first");
    expect((await roclip([...words, "--out", first])).code).toBe(0);
    const weights = join(folder, "vit.safetensors");
    const exported = await roclip(["export", first, "--out", weights, "--f16"]);
    expect(exported.out).toContain("names and layouts of open_clip's");
    const names = ["visual.conv1.weight", "transformer.resblocks.0.attn.in_proj_weight"];
    for (const name of names) expect(readFileSync(weights, "latin1")).toContain(`"${name}":`);
    const custom = join(folder, "custom.safetensors");
    const named = await roclip(["export", first, "--out", custom, "--f16", "--custom-text"]);
    expect(named.out).toContain("names and layouts of open_clip's CustomTextCLIP");
    expect(readFileSync(custom, "latin1")).toContain(`"text.${names[1]}":`);
    // Steps that are lost in rounding leave the weights as they were read.
    const second = join(folder, "second");
    const gentle = ["--lr", "1e-30", "--pretrained", weights, "--out", second];
    expect((await roclip([...words, ...gentle])).code).toBe(0);
    const saved = await readRun(second);
    const like = initState(saved.progress.config, 514, saved.progress.pairs);
    const read = await readWeights(weights, saved.progress.config.model, like);
    const numbers = (tree: typeof read.params) =>
      leaves<HostArray>(tree).map(([path, { data }]) => [path, data]);
    expect(numbers(saved.state(like).params)).toEqual(numbers(read.params));
  });

  it("stops at Ctrl-C after saving, and goes on from there", async () => {
    const pairs = await pairsOf();
    const run = join(folder, "run");
    const small = "--batch 16 --image-size 8 --image-blocks 1 --text-layers 1 --min-class 2";
    const attacks = "--poison-targets 0 --backdoor-count 0 --vocabulary-size 514";
    const words = ["train", ...pairs, ...`${small} ${attacks} --epochs 40`.split(" ")];
    const stopped = await roclip([...words, "--out", run], /epoch +2 /);
    expect(stopped.out).toContain(`Go on with: roclip train --resume ${run}`);
    expect(stopped.out).not.toContain("epoch 40");
    expect(stopped.code).toBe(0);
    const resumed = await roclip(["train", "--resume", run]);
    expect(resumed.out).not.toMatch(/epoch +1 /);
    expect(resumed.out).toContain("epoch 40");
    expect(resumed.code).toBe(0);
  });

  it("writes an attacked data set that it can read again, and a picture of the attacks", async () => {
    const pairs = ["--data", join(folder, "pairs.csv"), "--images", join(folder, "images")];
    const [out, sheet] = [join(folder, "attacked"), join(folder, "sheet.png")];
    const size = ["--image-size", "8", "--min-class", "2"];
    const attacks = ["--poison-targets", "0", "--backdoor-count", "0.1", "--backdoor-kind", "sig"];
    const drawn = ["poison", ...pairs, ...size, ...attacks, "--out", out, "--preview", sheet];
    expect((await roclip(drawn)).errors).toBe("");
    expect((await sharp(sheet).metadata()).format).toBe("png");
    const { dataset } = await readManifest({
      csv: join(out, "train.csv"),
      images: join(out, "images"),
      size: 8,
    });
    const truth = parseTruth(readFileSync(join(out, "truth.csv"), "utf8"), "csv", "truth.csv");
    expect(truth.length).toBeGreaterThan(0);
    for (const { row, caption, trigger } of truth) {
      expect(dataset.captions[row]).toBe(caption);
      expect(trigger).toBe("sig");
      // The pictures are of one colour; the wave is not.
      expect(new Set(imageOf(dataset, row).filter((_, at) => at % 3 === 1)).size).toBeGreaterThan(
        1,
      );
    }
  });

  it("lists what is missing of an evaluation set, and ends with 1 until it is whole", async () => {
    const at = (...parts: string[]) => join(folder, "set", ...parts);
    const check = () => roclip(["data", "dtd", "--check", at()]);
    mkdirSync(at("labels"), { recursive: true });
    const { code, out } = await check();
    expect(code).toBe(1);
    expect(out).toContain("images, labels/train1.txt, labels/val1.txt, labels/test1.txt.\n");
    expect(out).toContain("It is had from: https://www.robots.ox.ac.uk/~vgg/data/dtd/");
    const classes = promptsOf("dtd").folders ?? promptsOf("dtd").classes;
    const files = classes.map((name) => `${name}/a.jpg`);
    writeFileSync(at("labels", "train1.txt"), files[0]!);
    writeFileSync(at("labels", "val1.txt"), "");
    writeFileSync(at("labels", "test1.txt"), files.slice(1).join("\n"));
    mkdirSync(at("images"));
    const partly = await check();
    expect(partly.code).toBe(1);
    expect(partly.out).toContain("1 training images, 46 for testing.");
    expect(partly.out).toMatch(/Missing in \S+: images\/banded\/a\.jpg, (\S+, ){9}and 37 more\./);
    expect(partly.out).toContain("Classes without a test image: banded.");
    writeFileSync(at("labels", "test1.txt"), files.join("\n"));
    for (const name of classes) mkdirSync(at("images", name));
    for (const name of files) writeFileSync(at("images", name), "");
    const whole = await check();
    expect(whole.code).toBe(0);
    expect(whole.out).toContain(`All is there. Use it: roclip evaluate <run> --on dtd=${at()}`);
  });

  it("explains a configuration, and prints one that --config takes", async () => {
    const explained = await roclip(["config", "--preset", "paper", "--explain"]);
    expect(explained.out).toMatch(/^model +"RN50" +"small" +preset paper$/m);
    const printed = await roclip(["config", "--preset", "authors-code", "--batch", "96"]);
    const again = await roclip(["config", "--config", file("printed.json", printed.out)]);
    expect(JSON.parse(again.out)).toEqual(JSON.parse(printed.out));
    expect(JSON.parse(printed.out)).toMatchObject({ batch: 96, roclip: { poolStart: "noise" } });
  });

  const bad: [what: string, words: () => string[], message: RegExp][] = [
    ["an unknown command", () => ["trian"], /unknown command 'trian'/],
    ["an unknown option", () => ["train", "--epcohs", "3"], /--epcohs/],
    ["an unknown adapter", () => ["doctor", "--adapter", "gpu9"], /Allowed choices are auto, gpu/],
    [
      "a bad value",
      () => ["train", "--epochs", "many"],
      /epochs must be an integer ≥ 1; found "many"/,
    ],
    [
      "an unknown configuration key",
      () => ["train", "--config", file("a.json", '{"roclip":{"poolsize":9}}')],
      /"roclip.poolsize"; did you mean "roclip.poolSize"/,
    ],
    [
      "broken JSON",
      () => ["train", "--config", file("b.json", "{")],
      /must be a readable JSON file/,
    ],
    ["a missing table", () => ["train", "--data", "no.csv", "--images", folder], /no\.csv/],
    ["a table without images", () => ["train", "--data", "no.csv"], /--images must say where/],
    [
      "a table without the columns",
      () => ["train", "--data", file("c.csv", "a,b\n1,2\n"), "--images", folder],
      /caption|image/,
    ],
    ["a folder that is no run", () => ["evaluate", folder], /checkpoint/],
    [
      "a backdoor to a class that is not there",
      () => ["poison", "--out", join(folder, "out"), "--backdoor-target-class", "unicorns"],
      /unicorns/,
    ],
    ["an unknown preset", () => ["config", "--preset", "papr"], /did you mean "paper"/],
    ["nowhere to write to", () => ["poison"], /--out or --preview must say what to write/],
    [
      "an unknown measure",
      () => ["evaluate", folder, "--measures", "probe,accuracy"],
      /it must name some of zero-shot, attacks.*found "accuracy"/,
    ],
    [
      "an unknown measure of every epoch",
      () => ["train", "--epoch-measures", "leaks"],
      /it must name some of zero-shot, attacks.*found "leaks"/,
    ],
    [
      "an unknown data set",
      () => ["evaluate", folder, "--on", "cifar=x"],
      /"cifar": a data set must be one of .*did you mean "cifar10"/,
    ],
    [
      "a data set that is not there",
      () => ["data", "dtd", "--check", join(folder, "nowhere")],
      /--check must name a folder/,
    ],
    ["an experiment without its data", () => ["reproduce", "fashion"], /--data must be the folder/],
    ["an existing folder", () => ["poison", "--out", folder], /--out must be a new folder/],
  ];
  for (const [what, words, message] of bad)
    it(`answers ${what} with exit code 2 and a message, not a stack`, async () => {
      const { code, errors } = await roclip(words());
      expect(errors).toMatch(message);
      expect(errors).not.toMatch(/\n\s+at /);
      expect(code).toBe(2);
    });
});
