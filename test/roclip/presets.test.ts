import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { configOf } from "../../roclip/cli/common.ts";
import { parseConfig } from "../../roclip/config.ts";
import { PRESETS } from "../../roclip/configs/presets.ts";
import { explainConfig, presetOf } from "../../roclip/explain.ts";
import { merged } from "../../roclip/overlay.ts";

describe("presets", () => {
  it.each(Object.entries(PRESETS))("%s is a configuration", (_, { config, source }) => {
    expect(source.length).toBeGreaterThan(20);
    expect(parseConfig(config)).toMatchObject(
      "model" in config ? { ...config, model: parseConfig({ model: config.model }).model } : config,
    );
  });

  it("have the numbers of the paper's authors", () => {
    const { roclip, eda, ...config } = parseConfig(presetOf("authors-code").config);
    expect(config).toMatchObject({ imageSize: 224, embedding: 1024, contextLength: 77 });
    expect(config).toMatchObject({ epochs: 24, batch: 512, lr: 5e-5, scheduleOffset: true });
    expect(config.text).toEqual({ width: 512, layers: 12, heads: 8 });
    expect(roclip).toMatchObject({ frequency: 2, firstEpoch: 1, poolSize: 21_845 });
    expect(roclip).toMatchObject({ poolStart: "noise", poolUpdate: "matching", poolWrap: "drop" });
    expect(eda.redraw).toBe(false);
    const paper = parseConfig(presetOf("paper").config);
    expect(paper.roclip).toMatchObject({ poolStart: "captions", poolWrap: "ring", frequency: 2 });
    expect(paper.eda.redraw).toBe(true);
  });

  it("have, as small, the judge of the runs on photos, and their figures", () => {
    const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
    const { config, axes } = parse(read("roclip/experiments/fashion.yaml"));
    const { backdoor: _, ...base } = config;
    const small = presetOf("small");
    expect(small.config).toEqual(merged(base, axes.defence.judge));
    const results = read("bench/results/fashion/results.md");
    const figures = ["strong_judge", "strong_clip", "strong_roclip"].flatMap((cell) => {
      const row = results.split("\n").find((line) => line.startsWith(`| ${cell} |`))!;
      return [4, 6, 8].map((column) => row.split("|")[column]!.trim().split(" ")[0]!);
    });
    expect(small.source.match(/[\d.]+%/g)).toEqual(figures);
  });

  it("lie under a configuration's flags", () => {
    const config = configOf({ preset: "small", batch: "96", roclipFrequency: "5" });
    expect(config).toMatchObject({
      batch: 96,
      epochs: 12,
      roclip: { frequency: 5, poolSize: 0.3 },
    });
  });

  it("are refused by other names, with the nearest", () => {
    expect(() => presetOf("authors")).toThrow('did you mean "authors-code"?');
    expect(() => presetOf("toString")).toThrow('found "toString"');
  });
});

describe("explainConfig", () => {
  it("says of every key what it is, what it would be, and who says so", () => {
    const { config } = presetOf("paper");
    const flags = { lr: 1e-3 };
    const text = explainConfig({
      config: parseConfig({ ...config, ...flags }),
      layers: [
        ["flag", flags],
        ["preset paper", config],
      ],
    });
    expect(text).toMatch(/^lr +0\.001 +0\.001 +flag$/m);
    expect(text).toMatch(/^model +"RN50" +"small" +preset paper$/m);
    expect(text).toMatch(/^imageSize +224 +32 +model$/m);
    expect(text).toMatch(/^epochs +24 +20 +preset paper$/m);
    expect(text).toMatch(/^eda\.redraw +true +true +default$/m);
    expect(text).toMatch(/^backdoors +\[\] +\[\] +default$/m);
  });
});
