/** What a sweep's file describes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../roclip/config.ts";
import { DEMO } from "../../roclip/configs/demo.ts";
import { commandOf } from "../../roclip/sweep/emit.ts";
import { readSweep } from "../../roclip/sweep/file.ts";
import { GRID } from "./sweeps.ts";

const folder = mkdtempSync(join(tmpdir(), "roclip-sweep-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: object | string) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

describe("a sweep's file", () => {
  it("is every combination of its axes and every named cell, under every seed", () => {
    const { cells, axes, source } = readSweep(file("grid.yaml", GRID));
    expect(source).toEqual({ kind: "emoji" });
    expect(axes).toEqual(["attack", "roclip.frequency"]);
    expect(cells.map(({ name }) => name)).toEqual(
      [1, 5].flatMap((seed) =>
        [
          ...["weak_frequency-1", "weak_frequency-2", "strong_frequency-1", "strong_frequency-2"],
          "plain",
        ].map((setting) => `${setting}_seed-${seed}`),
      ),
    );
    const strong = cells.find(({ name }) => name === "strong_frequency-1_seed-5")!;
    expect(strong.choices).toEqual({ attack: "strong", "roclip.frequency": "1" });
    expect(strong.config).toMatchObject({ epochs: 3, seed: 5, poison: { captionsPerTarget: 8 } });
    expect(strong.config.roclip).toMatchObject({ firstEpoch: 2, frequency: 1, poolSize: 64 });
    expect(cells.find(({ setting }) => setting === "plain")!.config.defence).toBe("clip");
  });

  it("lays its config over a preset, and names its source", () => {
    const source = { data: "a.csv", images: "photos", minClass: 3 };
    const json = { preset: "small", config: { epochs: 2 }, source, cells: { one: {} } };
    const sweep = readSweep(file("preset.json", json));
    expect(sweep.cells[0]!.config).toMatchObject({ epochs: 2, batch: 128, contextLength: 16 });
    expect(sweep.source).toMatchObject({
      kind: "manifest",
      ...source,
      prompts: ["{}", "a photo of {}"],
    });
  });

  it("finds its paths from a folder", () => {
    const source = { data: "a.csv", images: "/photos", classNames: { cat: "kitten" } };
    const json = { source, on: { cifar10: "cifar" }, measures: ["probe"], cells: { one: {} } };
    const sweep = readSweep(file("root.json", json), "there");
    expect(sweep.source).toMatchObject({
      ...{ data: "there/a.csv", images: "/photos", classNames: { cat: ["kitten"] } },
    });
    // The same wherever the file's paths begin: cells of another machine can be collected.
    expect(sweep.asked).toEqual({ measures: ["probe"], on: { cifar10: "cifar" } });
    expect(sweep.sets).toEqual({ cifar10: "there/cifar" });
    expect(commandOf({ sweep, out: "my runs" })).toMatch(
      /^roclip sweep \S+root.json --root there --out 'my runs'$/,
    );
  });

  it("begins a cell with the weights of one before it, of the same seed", () => {
    const tuned = { defence: "cleanclip", pretrained: "cell:plain" };
    const json = { cells: { plain: { defence: "clip" }, tuned }, seeds: [1, 4] };
    const { cells } = readSweep(file("tuned.json", json), "", "runs/tuned");
    expect(cells.map(({ config }) => config.pretrained)).toEqual([
      ...["", "runs/tuned/plain_seed-1", "", "runs/tuned/plain_seed-4"],
    ]);
  });

  it("runs a named setting under its own seeds alone", () => {
    const aside = { epochs: 2, seeds: [4] };
    const tuned = { defence: "cleanclip", pretrained: "cell:aside", seeds: [4] };
    const json = { cells: { plain: { defence: "clip" }, aside, tuned }, seeds: [1, 4] };
    const { cells } = readSweep(file("aside.json", json));
    expect(cells.map(({ name }) => name)).toEqual([
      ...["plain_seed-1", "plain_seed-4", "aside_seed-4", "tuned_seed-4"],
    ]);
    expect(cells[3]!.config.pretrained).toBe("aside_seed-4");
    const under = { ...json, cells: { aside, tuned: { ...tuned, seeds: [1, 4] } } };
    expect(() => readSweep(file("under.json", under))).toThrow(
      /found "aside"; before it come none/,
    );
  });

  it("measures a setting by the attacks of another's run of the same seed", () => {
    const strong = { poison: { targets: 3 }, attackSeed: 7, backdoor: { kind: "sig" } };
    const cells = { clean: { poison: { targets: 0 }, backdoor: { count: 0 } }, strong };
    const json = { cells, attacksOf: { clean: "strong" }, measures: ["retrieval"], seeds: [1, 4] };
    const read = readSweep(file("chance.json", json)).cells;
    expect(read.map(({ name, asked }) => [name, asked.attacksOf?.attacks.seed])).toEqual([
      ...[
        ["clean_seed-1", 1],
        ["strong_seed-1", undefined],
      ],
      ...[
        ["clean_seed-4", 4],
        ["strong_seed-4", undefined],
      ],
    ]);
    const { measures, attacksOf } = read[0]!.asked;
    expect(measures).toEqual(["retrieval"]);
    expect(attacksOf).toMatchObject({ setting: "strong", attacks: strong });
  });

  const bad: [what: string, content: object | string, message: RegExp][] = [
    ["broken text", "axes: [", /must be a readable JSON or YAML file/],
    ["an unknown key", { axis: {} }, /found "axis"; did you mean "axes"\?/],
    [
      "an unknown key of the source",
      { source: { data: "a", images: "b", mincls: 2 } },
      /"mincls"; did you mean "minClass"/,
    ],
    [
      "an unknown configuration key",
      { axes: { "roclip.poolsize": [1] } },
      /"roclip.poolsize"; did you mean "roclip.poolSize"/,
    ],
    [
      "a bad value",
      { axes: { epochs: [1, 0] } },
      /epochs-0: epochs must be an integer ≥ 1; found 0/,
    ],
    ["an empty axis", { axes: { epochs: [] } }, /axes.epochs must have at least one value/],
    ["a value twice", { axes: { epochs: [2, 2] } }, /found "2" twice/],
    ["nothing to run", { seeds: [1] }, /must have axes or cells/],
    ["a seed among the keys", { cells: { a: { seed: 3 } } }, /"a" must leave the seed out/],
    [
      "two cells alike",
      { axes: { epochs: [20] }, cells: { a: {} } },
      /"epochs-20_seed-1" and "a_seed-1" are alike/,
    ],
    [
      "weights of a cell that is run later",
      { cells: { first: {}, tuned: { pretrained: "cell:last" }, last: { epochs: 2 } } },
      /tuned: pretrained: after "cell:" .* found "last"; before it come first/,
    ],
    [
      "seeds of a setting that are not the sweep's",
      { cells: { a: { seeds: [1, 3] } }, seeds: [1, 2] },
      /cells.a.seeds must be some of the sweep's, 1, 2; found 3/,
    ],
    ["no seeds of a setting", { cells: { a: { seeds: [] } } }, /cells.a.seeds must be as --help/],
    [
      "attacks of a setting that is not there",
      { cells: { clean: {}, strong: { epochs: 2 } }, attacksOf: { clean: "strng" } },
      /attacksOf must name settings of the sweep; found "strng"; did you mean "strong"/,
    ],
    [
      "attacks of a setting that is run under other seeds",
      {
        cells: { clean: {}, strong: { epochs: 2, seeds: [1] } },
        ...{ attacksOf: { clean: "strong" }, seeds: [1, 2] },
      },
      /attacksOf.clean: .*"strong" is not under 2/,
    ],
    ["a name that is no folder", { cells: { "a/b": {} } }, /found "a\/b"; write "a-b"/],
  ];
  for (const [what, content, message] of bad)
    it(`refuses ${what}`, () => {
      expect(() => readSweep(file("bad.yaml", content))).toThrow(message);
    });
});

describe("an experiment of the package", () => {
  const read = (name: string) =>
    readSweep(new URL(`../../roclip/experiments/${name}.yaml`, import.meta.url).pathname, "photos");

  it("precision: each small model in f32 and in mixed precision under three or six seeds", () => {
    const { cells, source } = read("precision");
    expect(cells).toHaveLength(2 * (6 + 3 + 3));
    expect(cells.filter(({ config }) => config.precision === "amp")).toHaveLength(6 + 3 + 3);
    expect(source).toEqual({ kind: "emoji" });
  });

  it("emoji: the demo's configuration, and the judge of fashion, under three seeds", () => {
    const { cells, source } = read("emoji");
    expect(source).toEqual({ kind: "emoji" });
    expect(cells.map(({ name }) => name)).toEqual(
      [1, 2, 3].flatMap((seed) =>
        ["clip", "roclip", "judge", "judge-later"].map((setting) => `${setting}_seed-${seed}`),
      ),
    );
    const [clip, roclip, judge, later] = cells.map(({ config }) => config);
    const demo = parseConfig(DEMO);
    expect(clip).toEqual({ ...demo, defence: "clip" });
    expect(roclip).toEqual(demo);
    const photos = read("fashion").cells.find(({ setting }) => setting === "strong_judge")!;
    const { poolSize } = demo.roclip;
    expect(judge).toEqual({ ...demo, roclip: { ...photos.config.roclip, poolSize } });
    expect(later).toEqual({ ...judge, roclip: { ...judge!.roclip, firstEpoch: 5 } });
  });

  it("fashion: every defence at both strengths under three seeds", () => {
    const { cells, source } = read("fashion");
    expect(new Set(cells.map(({ config }) => config.defence))).toContain("clip");
    expect(new Set(cells.map(({ seed }) => seed))).toEqual(new Set([1, 2, 3]));
    expect(source).toMatchObject({ data: "photos/fashion-train.csv" });
  });

  it("fashion: the judge with as many epochs over all pairs as CLIP has", () => {
    const { cells } = read("fashion");
    const configsOf = (setting: string) =>
      cells.filter((cell) => cell.setting === setting).map(({ config }) => config);
    for (const setting of ["weak_judge", "strong_judge"]) {
      const longer = configsOf(setting).map((config) => ({ ...config, epochs: 14 }));
      expect(configsOf(`${setting}-longer`)).toEqual(longer);
    }
  });

  it("fashion: RoCLIP's and the judge's settings, changed one at a time", () => {
    const { cells } = read("fashion");
    for (const defence of ["roclip", "judge"]) {
      const own = cells.filter(({ setting }) => setting.startsWith(`strong-${defence}-`));
      expect(own.length).toBeGreaterThanOrEqual(4);
      for (const { config, name, seed } of own) {
        const base = cells.find((cell) => cell.name === `strong_${defence}_seed-${seed}`)!.config;
        expect({ ...config, roclip: base.roclip }, name).toEqual(base);
        const was = new Map(Object.entries(base.roclip));
        const changed = Object.entries(config.roclip).filter(([key, value]) => {
          return JSON.stringify(value) !== JSON.stringify(was.get(key));
        });
        expect(changed, name).toHaveLength(1);
      }
    }
  });
});
