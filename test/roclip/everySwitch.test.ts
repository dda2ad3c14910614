/**
 * Every key of the configuration changes what it is for: one that did nothing would fail here. What
 * is compared is what is computed, bit by bit; not what is logged of the configuration, and not
 * what a state has by it alone.
 */
import { createHash, type Hash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Device, type HostArray, leaves, openDevice } from "../../engine/index.ts";
import { attack } from "../../roclip/attack.ts";
import { loadSource, tokenizerFor } from "../../roclip/cli/common.ts";
import { type Config, describeConfig, parseConfig } from "../../roclip/config.ts";
import type { Fit } from "../../roclip/memory.ts";
import { initState } from "../../roclip/model.ts";
import { merged } from "../../roclip/overlay.ts";
import { LAID_OUT, memoryOf } from "../../roclip/planning.ts";
import { train } from "../../roclip/train.ts";
import { writePairs } from "./command.ts";
import { ELSEWHERE, IN_ATTACKS, IN_RUNS, IN_STATE, ONE_BY_ONE } from "./otherValues.ts";
import { pairsOf } from "./pairs.ts";
import { metricsOf, newRun, removeRuns, config as small, stateBits } from "./runs.ts";

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

type Bits = Record<string, Pick<HostArray, "data">>;

/** Add arrays to a hash, by their bytes. */
function addBits(hash: Hash, arrays: Iterable<readonly [string, Pick<HostArray, "data">]>): Hash {
  for (const [path, { data }] of arrays)
    hash.update(path).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash;
}

/** The losses of a run's steps and the parameters that it left, averaged ones included. */
function digestOf(folder: string): string {
  const losses = metricsOf(folder).flatMap(({ kind, loss }) => (kind === "step" ? [loss] : []));
  const arrays = Object.entries(stateBits(folder) as Bits);
  const weights = arrays.filter(([path]) => /^(average\.)?params\./.test(path));
  expect(losses.length).toBeGreaterThan(0);
  expect(weights.length).toBeGreaterThan(0);
  return addBits(createHash("sha256").update(JSON.stringify(losses)), weights).digest("hex");
}

const seen = new Map<string, Promise<string>>();
let folderOfBase = "";

/** What a run with these settings computes; each is made once. */
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
    return digestOf(options.folder);
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
    const { params } = initState(parseConfig(json), 600, 10);
    return addBits(createHash("sha256"), leaves<HostArray>(params)).digest("hex");
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
  const attacked = (settings: object) => {
    const { images, captions } = attack(data, heldOut, parseConfig(settings)).dataset;
    return createHash("sha256").update(images).update(JSON.stringify(captions)).digest("hex");
  };

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

describe("in what is read", () => {
  it("imageSize does something", async () => {
    const folder = mkdtempSync(join(tmpdir(), "roclip-test-"));
    await writePairs(folder, 12);
    const files = { data: join(folder, "pairs.csv"), images: join(folder, "images") };
    const source = { kind: "manifest", ...files, minClass: 1, prompts: ["{}"] } as const;
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    for (const imageSize of [8, 24]) {
      const { train } = await loadSource(source, parseConfig({ imageSize }));
      expect(train.size).toBe(imageSize);
      expect(train.images).toHaveLength(train.ids.length * imageSize ** 2 * 3);
    }
    log.mockRestore();
    rmSync(folder, { recursive: true });
  });

  const captions = ["a red square", "a red circle", "a red square again"];
  it("vocabularySize does something", async () => {
    for (const vocabularySize of [514, 520]) {
      const tokenizer = await tokenizerFor(parseConfig({ vocabularySize }), captions);
      expect(tokenizer.vocabularySize).toBe(vocabularySize);
    }
  });

  it("merges does something", async () => {
    const config = parseConfig({ merges: "no such file.txt" });
    await expect(tokenizerFor(config, captions)).rejects.toThrow("no such file.txt: ");
  });
});

describe("in what a run takes", () => {
  it("memory does something", async () => {
    const { tokenizer, train: pairs } = await newRun(device);
    const total = (recompute: number) => {
      const { maxBufferSize } = device.gpu.limits;
      const occasion = { half: device.half, maxBufferSize, pairs: pairs.ids.length };
      const vocabulary = tokenizer.vocabularySize;
      return memoryOf({ ...small, recompute }, { ...occasion, vocabulary }, LAID_OUT).total;
    };
    const limit = (total(0) + total(1)) / 2;
    /** Bytes of all buffers that a run makes. */
    const bytesOf = async (changes: object) => {
      const fits: Fit[] = [];
      const made = vi.spyOn(device.gpu, "createBuffer");
      const options = await newRun(device, changes);
      await train({ ...options, onFit: (fit) => fits.push(fit) });
      const bytes = made.mock.calls.reduce((sum, [{ size }]) => sum + size, 0);
      made.mockRestore();
      return { bytes, fits, digest: digestOf(options.folder) };
    };
    await run({}); // what is made once for a device is made
    const free = await bytesOf({});
    const bound = await bytesOf({ memory: `${(limit / 1e6).toFixed(6)}MB` });
    expect(free.fits).toEqual([]);
    expect(bound.fits[0]!.config.recompute).toBeGreaterThan(0);
    expect(bound.fits[0]!.bytes).toBeLessThanOrEqual(limit);
    expect(bound.bytes).toBeLessThan(free.bytes);
    expect(bound.digest).toBe(free.digest);
  });
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
  const tables = [IN_RUNS, IN_STATE, IN_ATTACKS, ELSEWHERE];
  const here = [...tables.flatMap((keys) => Object.keys(keys)), ...ONE_BY_ONE];
  const listed = here
    .filter((key) => key.startsWith("backdoor."))
    .map((key) => key.replace(".", "s."));
  expect(
    describeConfig()
      .map(({ key }) => key)
      .sort(),
  ).toEqual([...here, ...listed].sort());
});
