import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { html } from "../../roclip/report/html.ts";
import { reportPicture, sweepPicture } from "../../roclip/report/picture.ts";
import { renderSweepReport, tradeoffsOf } from "../../roclip/report/sweep.ts";
import { type Standing, tradeoffPlots } from "../../roclip/report/tradeoff.ts";
import { renderReport } from "../../roclip/report.ts";
import { epochOf, IMAGE, REPORT, SWEEP, SWEPT } from "./reports.ts";

describe("renderReport", () => {
  it("is one file: no address, no script, nothing to load", async () => {
    const page = await renderReport(REPORT);
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/https?:|<script|<link|url\(|@import|\ssrc="(?!data:)/i);
    expect(page).toContain("default-src 'none'; img-src data:; style-src 'unsafe-inline'");
    expect(page).not.toContain("undefined");
    expect(page).not.toContain("[object");
    expect(page).not.toContain("NaN");
  });

  it("escapes what came from data", async () => {
    const page = await renderReport(REPORT);
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(page).toContain("<title>CLIP &amp; RoCLIP</title>");
    expect(page).toContain("an adapter &lt;x&gt;");
  });

  it("shows the last epochs, with intervals where counts are known", async () => {
    const page = await renderReport(REPORT);
    expect(page).toContain('<span class="clip">87.5%</span>');
    expect(page).toContain('<span class="roclip">12.5%</span>');
    expect(page).toContain("<td>87.5%<small>64.0% – 96.5%</small></td>"); // 14 of 16
    expect(page).toContain("<td>12.5%</td>");
    expect(page).toContain("roclip demo --seed 3");
    expect(page).toContain("Made up.");
  });

  it("draws seven charts, a mark for each epoch and a band for each that matched", async () => {
    const page = await renderReport(REPORT);
    expect(page.match(/<svg/g)).toHaveLength(7);
    const psr = page.slice(page.indexOf("<svg"), page.indexOf("</svg>"));
    expect(psr.match(/fill="var\(--band\)"/g)).toHaveLength(1);
    expect(psr.match(/fill="var\(--clip\)"/g)).toHaveLength(2);
    expect(psr.match(/fill="var\(--roclip\)"/g)).toHaveLength(2);
    expect(psr).not.toContain('stroke-dasharray="5,4"');
    const similarity = page.slice(page.lastIndexOf("<svg"));
    expect(similarity.match(/stroke-dasharray="5,4"/g)).toHaveLength(2); // one for each run
    expect(similarity.match(/fill="var\(--clip\)"/g)).toHaveLength(4);
  });

  it("carries the gallery's images, pixel for pixel, and marks who was fooled", async () => {
    const page = await renderReport(REPORT);
    const [, png] = page.match(/src="data:image\/png;base64,([^"]+)"/)!;
    const { data, info } = await sharp(Buffer.from(png!, "base64"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 4, height: 4, channels: 3 });
    expect(Uint8Array.from(data)).toEqual(IMAGE);
    expect(page).toMatch(/class="verdict fooled"[^>]*>flag</);
    expect(page).toMatch(/class="verdict right"[^>]*>face</);
    expect(page).toMatch(/class="verdict other"[^>]*>tree</);
    expect(page).toContain("a &quot;pool&quot; caption");
  });

  it("names the kind of a trigger, and of several each once", async () => {
    const page = await renderReport(REPORT);
    expect(page).toContain("trigger: a warp of the image (WaNet). A model");
    expect(page).toContain("<dt>trigger</dt><dd>wanet</dd>");
    expect(page).not.toContain("checkerboard");
    const other = { ...REPORT.gallery[1]!, trigger: "checker" };
    const two = await renderReport({ ...REPORT, gallery: [other, ...REPORT.gallery, other] });
    expect(two).toContain("trigger: a checkerboard patch, a warp of the image (WaNet). A model");
  });

  it("takes one defence, missing numbers and an empty gallery", async () => {
    const run = { defence: "clip" as const, seed: 1, epochs: [epochOf(1, "plain", Number.NaN)] };
    const page = await renderReport({ ...REPORT, runs: [run], gallery: [], notes: [] });
    expect(page).not.toContain("NaN");
    expect(page).not.toContain("Poisoned images<");
    expect(page).not.toContain("<h2>Notes");
    expect(page).not.toContain("CLIP → RoCLIP");
    expect(await renderReport({ ...REPORT, runs: [] })).not.toContain("NaN");
  });
});

describe("renderSweepReport", () => {
  const row = (setting: string, success: number | null) => ({
    ...{
      setting,
      seeds: 2,
      ...{ failed: 0, unfinished: 0 },
      epoch: 12,
      epochKind: "plain",
      zeroShotTop1: 0.5,
      zeroShotTop1Sd: 0.01,
    },
    ...{ classMean: 0.4, psr: success, psrLow: success && 0.1, psrHigh: success && 0.6, asr: null },
  });

  it("is a table and a plot of accuracy against the success of each attack measured", async () => {
    const rows = [row("clip <a>", 0.25), row("roclip", 0.99), row("failed", null)];
    const page = await renderSweepReport({ ...SWEEP, rows });
    expect(page).not.toMatch(/https?:|<script|NaN|undefined|\[object/);
    expect(page).toContain("<title>A &amp; B</title>");
    expect(page).toContain("<td>25.0%<small>10.0% – 60.0%</small></td>");
    expect(page).toContain("<td>50.0%<small>± 1.0%</small></td>");
    expect(page.match(/<svg/g)).toHaveLength(1); // ASR was not measured
    const plot = page.slice(page.indexOf("<svg"), page.indexOf("</svg>"));
    expect(plot.match(/fill="var\(--roclip\)"/g)).toHaveLength(2);
    expect(plot).toContain(">clip &lt;a&gt;</text>");
    // Both names stay inside: one to the right of its point, one to the left.
    expect(plot).toMatch(/text-anchor="start"[^>]*>clip/);
    expect(plot).toMatch(/text-anchor="end"[^>]*>roclip/);
    expect(page).not.toContain("by epoch"); // there are no runs
  });

  it("has each setting's curves, links to its runs' reports, and the file it was made by", async () => {
    const page = await renderSweepReport(SWEPT);
    expect(page).not.toMatch(/https?:|<script|NaN|undefined|\[object/);
    const curves = page.slice(page.indexOf("by epoch"));
    // Of "judge" both attacks were measured; of "plain" none.
    expect(curves.match(/<svg/g)).toHaveLength(2);
    expect(curves).toContain("<h3>judge</h3>");
    expect(curves).not.toContain("<h3>plain</h3>");
    const psr = curves.slice(curves.indexOf("<svg"), curves.indexOf("</svg>"));
    expect(psr.match(/fill="var\(--band\)"/g)).toHaveLength(1); // epoch 2
    expect(psr.match(/fill="var\(--roclip\)"/g)).toHaveLength(2 * 2); // epochs, seeds
    expect(page).toContain('<td>2<small><a href="judge_seed-1/report.html" title="judge_seed-1">');
    expect(page).toContain('<td>1 of 2<small><a href="../more/plain_seed-1/report.html"');
    expect(page).toContain(
      "<summary>The sweep’s file</summary><pre>cells: {judge: &lt;1&gt;}</pre>",
    );
  });
});

describe("html", () => {
  it("escapes texts and keeps markup", () => {
    const list = ["a<b", 'c"d'].map((text) => html`<li>${text}</li>`);
    expect(html`<ul title="${"it's"}">${list}${3}</ul>`.markup).toBe(
      '<ul title="it&#39;s"><li>a&lt;b</li>\n<li>c&quot;d</li>3</ul>',
    );
  });
});

describe("the picture of the plots", () => {
  /** How many pixels of a picture have nearly this colour. */
  async function pixels(png: Uint8Array, colour: readonly [number, number, number]) {
    const { data, info } = await sharp(png)
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    let count = 0;
    for (let i = 0; i < data.length; i += info.channels)
      if (colour.every((value, c) => Math.abs(data[i + c]! - value) < 8)) count++;
    return count;
  }
  const ORANGE = [0xc2, 0x41, 0x0c] as const;
  const BLUE = [0x0f, 0x6c, 0xbd] as const;

  it("shows the defences that were trained, in their colours, on white", async () => {
    const both = await reportPicture(REPORT.runs);
    const one = await reportPicture(REPORT.runs.slice(0, 1));
    expect((await sharp(both).metadata()).width).toBe(2 * (2 * 524 + 24));
    expect(await pixels(both, BLUE)).toBeGreaterThan(1000);
    expect(await pixels(both, ORANGE)).toBeGreaterThan(1000);
    expect(await pixels(one, ORANGE)).toBeGreaterThan(1000);
    expect(await pixels(one, BLUE)).toBe(0);
    expect(await pixels(one, [255, 255, 255])).toBeGreaterThan(1e6);
  });

  it("of a sweep has one for each attack that was measured, points in RoCLIP's colour", async () => {
    const standing = { setting: "a", accuracy: 0.5, success: 0.25, low: 0.1, high: 0.4 };
    const unknown = { ...standing, success: null, low: null, high: null };
    const drawn = (...standings: Standing[][]) =>
      sweepPicture(standings.map((all, i) => ({ title: `attack ${i}`, standings: all })));
    const of = async (...standings: Standing[][]) => (await drawn(...standings))!;
    const [one, two] = await Promise.all([of([standing], [unknown]), of([standing], [standing])]);
    const points = await pixels(one, BLUE);
    expect(points).toBeGreaterThan(50);
    expect(await pixels(two, BLUE)).toBeGreaterThan(1.8 * points);
    expect(await drawn([unknown])).toBe(undefined);
  });

  it("of a sweep has the settings of the most seeds, done or not", () => {
    const row = { failed: 0, unfinished: 0, zeroShotTop1: 0.5, psr: 0.25, asr: 0.5 };
    const rows = [
      { ...row, setting: "main", seeds: 3 },
      { ...row, setting: "half done", seeds: 1, failed: 1, unfinished: 1 },
      { ...row, setting: "aside", seeds: 1 },
    ];
    for (const { standings } of tradeoffsOf(rows))
      expect(standings.map(({ setting }) => setting)).toEqual(["main", "half done"]);
  });

  it("of a sweep keeps the names of near settings apart, with lines to those away", async () => {
    const at = (setting: string, accuracy: number, success: number) =>
      ({ setting, accuracy, success, low: success, high: success }) as Standing;
    const names = ["first", "second", "third", "fourth", "fifth", "sixth"];
    const standings = names.map((name, i) => at(name, 0.65 + i / 1000, 0.5 + i / 1000));
    const svgOf = async (points: readonly Standing[]) =>
      (await tradeoffPlots([{ title: "", standings: points }]))[0]!.svg;
    const leads = (svg: string) => svg.match(/<line [^>]*leadX: 0[^>]*stroke-width="0.7"/g) ?? [];
    const svg = await svgOf(standings);
    const found = [
      ...svg.matchAll(
        /text-anchor="(\w+)" transform="translate\(([\d.]+),([\d.]+)\)"[^>]*>(\w+)</g,
      ),
    ].filter(([, , , , name]) => names.includes(name!));
    expect(found.map(([, , , , name]) => name).sort()).toEqual([...names].sort());
    const boxes = found.map(([, anchor, x, y, name]) => {
      const width = 6 * name!.length;
      const left = Number(x) - width * { start: 0, middle: 0.5, end: 1 }[anchor!]!;
      return { left, right: left + width, top: Number(y) - 9, bottom: Number(y) + 2 };
    });
    for (const [i, a] of boxes.entries())
      for (const b of boxes.slice(i + 1))
        expect(
          a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top,
        ).toBe(true);
    expect(leads(svg).length).toBeGreaterThan(0);
    expect(leads(await svgOf(standings.slice(0, 1)))).toHaveLength(0);
  });
});
