import { describe, expect, it } from "vitest";
import { describeConfig, parseConfig } from "../../roclip/config.ts";
import { UserError } from "../../roclip/errors.ts";
import { applyFlags, flagsOf } from "../../roclip/flags.ts";
import { nearestName } from "../../roclip/spelling.ts";

/** The value at a dotted key. */
function at(config: unknown, key: string): unknown {
  return key.split(".").reduce<unknown>((value, name) => Object(value)[name], config);
}

describe("parseConfig", () => {
  it("fills in every default, and takes its own output unchanged", () => {
    const config = parseConfig({});
    const rows = describeConfig().filter(({ listed }) => !listed);
    for (const row of rows) expect(at(config, row.key), row.key).toEqual(row.default);
    expect(config.backdoors).toEqual([]);
    expect(parseConfig({ backdoors: [{}] }).backdoors).toEqual([config.backdoor]);
    expect(parseConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  it("keeps what is given beside the defaults", () => {
    const config = parseConfig({ roclip: { frequency: 3 }, augment: { jitter: { hue: 0 } } });
    expect(config.roclip).toMatchObject({ frequency: 3, poolUpdate: "all" });
    expect(config.augment.jitter).toMatchObject({ hue: 0, brightness: 0.5 });
  });

  it.each([
    [{ bacth: 3 }, 'found "bacth"; did you mean "batch"?'],
    [{ poolSize: 3 }, 'found "poolSize"; did you mean "roclip.poolSize"?'],
    [{ augment: { jiter: {} } }, 'found "augment.jiter"; did you mean "augment.jitter"?'],
    [
      { roclip: { frequency: 0 } },
      "roclip.frequency must be an integer ≥ 1; found 0; the default is 2",
    ],
    [{ lr: "fast" }, 'lr must be a number > 0; found "fast"; the default is 0.001'],
    [
      { defence: "none" },
      'defence must be one of: clip, roclip, safeclip, cleanclip; found "none"',
    ],
    [{ image: { blocks: [1, 0.5] } }, "image.blocks must be a list of integers ≥ 1; found [1,0.5]"],
    [
      { augment: { cropScale: [0.5] } },
      "augment.cropScale must be 2 numbers in (0, 1]; found [0.5]",
    ],
    [{ augment: { cropScale: [1, 0.1] } }, "augment.cropScale must not fall; found [1, 0.1]"],
    [
      { text: { width: 60, heads: 8 } },
      "text.width must be a multiple of text.heads; found 60 and 8",
    ],
    [{ roclip: { poolSize: 3.5 } }, "roclip.poolSize must be a whole number of rows"],
    [
      { roclip: { textGradient: "re-encoded", poolStart: "noise" } },
      'roclip.textGradient "re-encoded" must have a pool of captions; found roclip.poolStart "noise"',
    ],
    [
      { roclip: { reencodeEvery: 2, duplicates: "excluded", poolStart: "noise" } },
      /roclip.reencodeEvery must have .*\n.*roclip.duplicates "excluded" must have/,
    ],
    [{ backdoor: { patch: 1.5 } }, "backdoor.patch must be a number in (0, 1]; found 1.5"],
    [{ backdoor: { count: 2.5 } }, "backdoor.count must be a whole number of rows, or a share"],
    [{ backdoors: [{ count: 1 }, { count: 2.5 }] }, "backdoors[1].count must be a whole number"],
    [{ backdoors: [{ kind: "blend" }] }, 'wanet, word, sentence; found "blend"'],
    [{ backdoors: [{ patsch: 1 }] }, 'mean "backdoors.patch"?'],
    [{ compactVocabulary: true }, 'compactVocabulary must be of given merges; found merges ""'],
    [{ roclip: 3 }, "roclip must be an object of keys; found 3"],
    [null, "the configuration must be an object of keys; found null"],
  ])("refuses %j", (json, message) => {
    expect(() => parseConfig(json, "run.json")).toThrow(UserError);
    expect(() => parseConfig(json, "run.json")).toThrow(message);
    expect(() => parseConfig(json, "run.json")).toThrow(/^run\.json: /);
  });

  it("names every wrong key at once", () => {
    const wrong = () => parseConfig({ batch: 0, epochs: 0, sead: 1 });
    for (const name of ["batch must", "epochs must", 'mean "seed"']) expect(wrong).toThrow(name);
  });
});

describe("describeConfig and flagsOf", () => {
  it("describe every key", () => {
    for (const row of describeConfig()) {
      expect(row.description, row.key).not.toBe("");
      expect(row.default, row.key).toBeDefined();
    }
  });

  it("say of every key who says so: the paper, its authors, others by year, or us", () => {
    for (const { key, description } of describeConfig())
      expect(description, key).toMatch(/\b(authors|paper|ours)\b|\b20\d\d\b/i);
  });

  it("give each key a flag of its own", () => {
    const flags = flagsOf();
    expect(new Set(flags.map((flag) => flag.attribute)).size).toBe(flags.length);
    expect(flags.find((flag) => flag.key === "roclip.poolSize")).toMatchObject({
      flags: "--roclip-pool-size <number>",
      attribute: "roclipPoolSize",
    });
    expect(flags.find((flag) => flag.key === "defence")?.flags).toBe(
      "--defence <clip|roclip|safeclip|cleanclip>",
    );
  });
});

describe("applyFlags", () => {
  it("lays flags over JSON and leaves the JSON as it was", () => {
    const json = { roclip: { frequency: 3 } };
    const options = {
      seed: "7",
      roclipPoolSize: "0.1",
      imageBlocks: "1,2",
      scheduleOffset: true,
      augmentEnabled: "false",
      merges: "7",
      out: "no key",
    };
    expect(applyFlags(json, options)).toEqual({
      seed: 7,
      merges: "7",
      image: { blocks: [1, 2] },
      scheduleOffset: true,
      roclip: { frequency: 3, poolSize: 0.1 },
      augment: { enabled: false },
    });
    expect(json).toEqual({ roclip: { frequency: 3 } });
  });

  it.each([
    [{}, { seed: "abc" }, 'seed must be an integer ≥ 0; found "abc"'],
    [{}, { augmentFlip: "" }, "augment.flip must be"],
    [{}, { augmentEnabled: "yes" }, 'augment.enabled must be true or false; found "yes"'],
    [{ roclip: 3 }, { roclipFrequency: "2" }, "roclip must be an object"],
    [3, { seed: "1" }, "must be an object of keys; found 3"],
  ])("leaves %j with %j for parseConfig to refuse", (json, options, message) => {
    expect(() => parseConfig(applyFlags(json, options))).toThrow(message);
  });
});

describe("values that are nested deeper than JSON.stringify goes, or are very long", () => {
  const deep = JSON.parse(`${"[".repeat(1e5)}${"]".repeat(1e5)}`) as unknown;
  const long = "n".repeat(1e6);
  it.each([
    ["a whole configuration", deep, "the configuration must be an object of keys; found [[[[[…"],
    [
      "a number",
      { seed: deep },
      "seed must be an integer ≥ 0; found [[[[[…]]]]]; the default is 1",
    ],
    ["a group", { roclip: deep }, "roclip must be an object of keys; found [[[[[…"],
    ["a model", { model: deep }, "model must be"],
    ["a model's name", { model: long }, 'found "nnn'],
    [
      "what a model decides",
      { model: "RN50", imageSize: deep },
      "must be the model's, 224; found [[",
    ],
    ["a key", { [long]: 1 }, 'every key must be known; found "nnn'],
  ])("are refused in a short message: %s", (_, json, message) => {
    expect(() => parseConfig(json)).toThrow(UserError);
    expect(() => parseConfig(json)).toThrow(message);
    expect(() => parseConfig(json)).toThrow(/^.{20,500}$/);
  });
});

it("names 30 faults of a configuration that has more", () => {
  const keys = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`key${i}`, 1]));
  for (const json of [keys, { backdoors: Array(90).fill(0) }])
    expect(() => parseConfig(json)).toThrow(/^(config: .*\n){29}config: .*$/);
});

describe("nearestName", () => {
  it("takes the fewest edits, of the whole name or its last part", () => {
    expect(nearestName("epoch", ["batch", "epochs", "seed"])).toBe("epochs");
    expect(nearestName("SEED", ["batch", "epochs", "seed"])).toBe("seed");
    expect(nearestName("sigma", ["augment.flip", "augment.blurSigma"])).toBe("augment.blurSigma");
  });
});
