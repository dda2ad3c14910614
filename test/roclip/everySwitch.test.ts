/** Every key of the configuration changes what it is for: one that did nothing would fail here. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, leaves, openDevice } from "../../engine/index.ts";
import { attack } from "../../roclip/attack.ts";
import { type Config, describeConfig, parseConfig } from "../../roclip/config.ts";
import { initState } from "../../roclip/model.ts";
import { merged } from "../../roclip/overlay.ts";
import { train } from "../../roclip/train.ts";
import { pairsOf } from "./pairs.ts";
import { metricsOf, newRun, removeRuns, config as small, stateBits } from "./runs.ts";

/** A key's other value, and what must be set beside it for the key to mean anything. */
type Change = readonly [value: unknown, beside?: object];

const SGD = { optimiser: "sgd" };
const SAFECLIP = {
  defence: "safeclip",
  epochs: 4,
  safeclip: { unimodalEpochs: 1, slowEpochs: 1, poolSize: 32, growth: 0.1 },
};
/** Fine-tunes the run of no changes, whose folder is known when it ran. */
const CLEANCLIP = { defence: "cleanclip", pretrained: "" };
const JITTER = { augment: { jitter: { probability: 1 } } };
const BLUR = { augment: { blurSigma: [20, 28] } }; // 1.4 to 2 of 16 pixels
/** Else the plain epoch fills the pool before it is looked at. */
const MATCHING = { roclip: { poolUpdate: "matching" } };
const JUDGE = { roclip: { frequency: 1, judge: 0.1 } };

const RESNET = { model: "RN-tiny-32px" };

/** Seen in a whole run: what it logs and leaves. */
const IN_RUNS: Record<string, Change> = {
  seed: [2],
  defence: ["clip"],
  epochs: [2],
  batch: [12],
  precision: ["amp"],
  "image.pool": [true],
  "text.heads": [4],
  optimiser: ["sgd"],
  lr: [1e-3],
  beta1: [0.5],
  beta2: [0.9],
  eps: [1e-3],
  momentum: [0, SGD],
  weightDecay: [0],
  clipNorm: [0.1],
  lrSchedule: ["linear"],
  ema: [0.5],
  warmupSteps: [5],
  scheduleOffset: [true],
  "roclip.frequency": [1],
  "roclip.firstEpoch": [3],
  "roclip.epochs": [[3]],
  "roclip.poolSize": [32],
  "roclip.poolStart": ["noise", MATCHING],
  "roclip.poolUpdate": ["matching"],
  "roclip.reencodeEvery": [2],
  "roclip.direction": ["both"],
  "roclip.duplicates": ["excluded"],
  "roclip.judge": [0.1],
  "roclip.judgeMomentum": [0.5, JUDGE],
  "roclip.judgeCrosswise": [true, JUDGE],
  "roclip.textGradient": ["re-encoded"],
  "safeclip.unimodalEpochs": [2, SAFECLIP],
  "safeclip.slowEpochs": [0, SAFECLIP],
  "safeclip.slowLr": [0.5, SAFECLIP],
  "safeclip.threshold": [1, SAFECLIP],
  "safeclip.growth": [0.2, SAFECLIP],
  "safeclip.most": [0.05, SAFECLIP],
  "safeclip.poolSize": [64, SAFECLIP],
  "cleanclip.pairs": [0.5, CLEANCLIP],
  "cleanclip.clipWeight": [2, CLEANCLIP],
  "cleanclip.unimodalWeight": [2, CLEANCLIP],
  "augment.enabled": [false],
  "augment.cropScale": [[0.9, 1]],
  "augment.cropRatio": [[1, 1]],
  "augment.flip": [0],
  "augment.jitter.brightness": [0, JITTER],
  "augment.jitter.contrast": [0, JITTER],
  "augment.jitter.saturation": [0, JITTER],
  "augment.jitter.hue": [0, JITTER],
  "augment.jitter.probability": [1],
  "augment.grayscale": [1],
  "augment.blurSigma": [[20, 28]],
  "augment.blurKernel": [0.3, BLUR],
  "eda.enabled": [false],
  "eda.redraw": [false],
  "eda.alpha": [0.9],
  "eda.deletion": [0.9],
};

/** Seen in the state that a run begins with. */
const IN_STATE: Record<string, Change> = {
  model: ["ViT-tiny-32px", RESNET],
  contextLength: [12],
  compactVocabulary: [true, { ...RESNET, merges: "a file" }],
  "image.width": [12],
  "image.blocks": [[1, 2]],
  "text.width": [32],
  "text.layers": [2],
  embedding: [24],
};

/** Seen in the attacked data; keys of `backdoor` are also those of every one of `backdoors`. */
const IN_ATTACKS: Record<string, Change> = {
  "poison.targets": [1],
  "poison.captionsPerTarget": [1],
  "backdoor.count": [2],
  "backdoor.targetClass": ["dog"],
  "backdoor.patch": [0.75],
  "backdoor.kind": ["sig"],
  "backdoor.place": ["fixed"],
  "backdoor.label": ["consistent"],
  "backdoor.trigger": ["zebra", { backdoor: { kind: "word" } }],
};

/** Seen by tests of their own: files are read, or the bits stay and the memory changes. */
const ELSEWHERE: Record<string, string> = {
  microBatch: "microBatch",
  recompute: "microBatch",
  memory: "planning",
  pretrained: "cli",
  imageSize: "cli",
  vocabularySize: "tokenize",
  merges: "weights",
};

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => {
  device.close();
  removeRuns();
});

/** A value at a dotted key. */
const nested = (key: string, value: unknown): object =>
  key.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object;

const digest = (value: unknown): string => {
  const text = JSON.stringify(value, (_, x) => (ArrayBuffer.isView(x) ? [...(x as never)] : x));
  return createHash("sha256").update(text).digest("hex");
};

const seen = new Map<string, Promise<string>>();
let folderOfBase = "";

/** What a run with these settings logs and leaves; each is made once. */
function run(settings: object): Promise<string> {
  const key = JSON.stringify(settings);
  const make = async () => {
    const fine = (settings as Partial<Config>).defence === "cleanclip";
    if (fine) await run({});
    const pretrained = fine ? { pretrained: folderOfBase } : {};
    const own = parseConfig(merged(merged(small, settings), pretrained));
    const options = await newRun(device, own);
    if (key === "{}") folderOfBase = options.folder;
    await train(options);
    return digest([metricsOf(options.folder), stateBits(options.folder)]);
  };
  const found = seen.get(key) ?? make();
  seen.set(key, found);
  return found;
}

describe("in a run", () => {
  it("a key of another defence changes nothing", async () => {
    expect(await run(nested("cleanclip.pairs", 0.5))).toBe(await run({}));
  });

  for (const [key, [value, beside = {}]] of Object.entries(IN_RUNS))
    it(`${key} does something`, async () => {
      const changed = await run(merged(beside, nested(key, value)) as object);
      expect(changed).not.toBe(await run(beside));
    });
});

describe("in the state", () => {
  const state = (settings: object) => {
    const json = "model" in settings ? settings : merged(small, settings);
    return digest([...leaves(initState(parseConfig(json), 600, 10))]);
  };
  for (const [key, [value, beside = {}]] of Object.entries(IN_STATE))
    it(`${key} does something`, () => {
      expect(state(beside)).toBe(state(beside));
      expect(state(merged(beside, nested(key, value)) as object)).not.toBe(state(beside));
    });
});

describe("in the attacks", () => {
  const classes = ["cat", "dog", "rose"];
  const names = Array.from({ length: 30 }, (_, i) => classes[i % 3]!);
  const data = pairsOf(
    "train",
    names.map((name, i) => [`a ${name} of number ${i}`, name] as [string, string]),
  );
  const heldOut = pairsOf("held-out", [
    ["tabby", "cat"],
    ["pug", "dog"],
    ["thorn", "rose"],
  ]);
  const base = {
    poison: { targets: 2, captionsPerTarget: 2 },
    backdoor: { count: 3, targetClass: "cat", patch: 0.5 },
  };
  const attacked = (settings: object) => digest(attack(data, heldOut, parseConfig(settings)));

  for (const [key, [value, beside = {}]] of Object.entries(IN_ATTACKS)) {
    const [without, changed] = [
      merged(base, beside),
      merged(merged(base, beside), nested(key, value)),
    ];
    it(`${key} does something`, () => {
      expect(attacked(without as object)).toBe(attacked(without as object));
      expect(attacked(changed as object)).not.toBe(attacked(without as object));
    });
    if (key.startsWith("backdoor."))
      it(`${key.replace(".", "s.")} does something`, () => {
        const listed = (of: unknown) => ({ ...base, backdoors: [Object(of).backdoor] });
        expect(attacked(listed(changed))).not.toBe(attacked(listed(without)));
      });
  }
});

describe("elsewhere", () => {
  for (const [key, name] of Object.entries(ELSEWHERE))
    it(`${key} is in ${name}.test.ts`, () => {
      const text = readFileSync(new URL(`./${name}.test.ts`, import.meta.url), "utf8");
      const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      expect(text.includes(key) || text.includes(flag), key).toBe(true);
    });
});

it("every key is here", () => {
  const here = [IN_RUNS, IN_STATE, IN_ATTACKS, ELSEWHERE].flatMap((keys) => Object.keys(keys));
  const listed = here
    .filter((key) => key.startsWith("backdoor."))
    .map((key) => key.replace(".", "s."));
  expect(
    describeConfig()
      .map(({ key }) => key)
      .sort(),
  ).toEqual([...here, ...listed].sort());
});
