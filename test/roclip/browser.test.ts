/** Reports as a browser shows them, opened from disk. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderSweepReport } from "../../roclip/report/sweep.ts";
import { renderReport } from "../../roclip/report.ts";
import type { Row } from "../../roclip/sweep/results.ts";
import { openBrowser } from "../browser.ts";
import { publishedRows, REPORT, SWEEP, SWEPT } from "./reports.ts";

const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

let browser: Browser;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "roclip-browser-"));
  browser = await openBrowser();
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true });
});

/** A report opened from disk; `told` gathers what the browser complains of or asks for. */
async function opened(text: string, options: BrowserContextOptions) {
  const file = join(folder, "report.html");
  await writeFile(file, text);
  const page = await browser.newPage(options);
  const told: string[] = [];
  page.on("console", (message) => told.push(message.text()));
  page.on("pageerror", (error) => told.push(error.message));
  page.on("dialog", (dialog) => told.push(dialog.message()));
  page.on("request", (request) => told.push(request.url().slice(0, 40)));
  await page.goto(pathToFileURL(file).href);
  return { page, told };
}

/** Widths in pixels: of the page with what sticks out of it, and of the window. */
const widths = (page: Page) =>
  page.evaluate<[number, number]>("[document.documentElement.scrollWidth, innerWidth]");

/** The background of the page: mean of its channels, in [0, 255]. */
const background = async (page: Page) => {
  const colour = await page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
  const [red, green, blue] = colour.match(/\d+/g)!.map(Number);
  return (red! + green! + blue!) / 3;
};

/** Lines and words of each plot that lie outside it, and how much of it is drawn on. */
const plots = (page: Page) =>
  page.locator("figure.chart svg").evaluateAll((drawings) =>
    drawings.map((svg) => {
      const box = svg.getBoundingClientRect();
      const marks = [...svg.querySelectorAll("path, text")]
        .map((mark) => mark.getBoundingClientRect())
        .filter(({ width, height }) => width + height > 0);
      const outside = marks.filter(
        ({ left, right, top, bottom }) =>
          left < box.left - 1 ||
          right > box.right + 1 ||
          top < box.top - 1 ||
          bottom > box.bottom + 1,
      );
      return { width: box.width, height: box.height, marks: marks.length, outside: outside.length };
    }),
  );

describe("a run's report in a browser", () => {
  it("opens from disk: nothing fetched but its images, nothing complained of", async () => {
    const { page, told } = await opened(await renderReport(REPORT), { viewport: WIDE });
    const [first, ...rest] = told;
    expect(first).toMatch(/^file:/);
    expect(rest.filter((line) => !line.startsWith("data:image/png"))).toEqual([]);
    expect(await page.title()).toBe("CLIP & RoCLIP");
    await page.close();
  });

  for (const [name, viewport] of Object.entries({ desk: WIDE, phone: PHONE }))
    it(`fits a ${name}: plots drawn whole, no sideways scrolling`, async () => {
      const { page } = await opened(await renderReport(REPORT), { viewport });
      const [content, window] = await widths(page);
      expect(content).toBeLessThanOrEqual(window!);
      const found = await plots(page);
      expect(found).toHaveLength(7);
      for (const { width, height, marks, outside } of found) {
        expect(width).toBeGreaterThan(300);
        expect(height).toBeGreaterThan(100);
        expect(marks).toBeGreaterThan(10);
        expect(outside).toBe(0);
      }
      await page.close();
    });

  it("shows the gallery's images and opens what is folded", async () => {
    const { page } = await opened(await renderReport(REPORT), { viewport: WIDE });
    const images = page.locator(".gallery img");
    const sizes = await images.evaluateAll((all) => all.map((image) => image.naturalWidth));
    expect(sizes).toEqual([4, 4]);
    const folded = page.locator("details", { hasText: "Every epoch" });
    expect(await folded.locator("table").isVisible()).toBe(false);
    await folded.locator("summary").click();
    expect(await folded.locator("tbody tr").count()).toBe(4);
    expect(await folded.locator("table").isVisible()).toBe(true);
    await page.close();
  });

  it("follows the reader's theme, light or dark", async () => {
    const text = await renderReport(REPORT);
    const light = await opened(text, { colorScheme: "light" });
    const dark = await opened(text, { colorScheme: "dark" });
    expect(await background(light.page)).toBeGreaterThan(200);
    expect(await background(dark.page)).toBeLessThan(60);
    await Promise.all([light.page.close(), dark.page.close()]);
  });
});

describe("a sweep's report in a browser", () => {
  it("fits a phone, its plots drawn whole", async () => {
    const { page, told } = await opened(await renderSweepReport(SWEPT), { viewport: PHONE });
    const [content, window] = await widths(page);
    expect(content).toBeLessThanOrEqual(window!);
    expect(told).toHaveLength(1);
    const found = await plots(page);
    expect(found).toHaveLength(2 + 2); // where settings stand, and the curves of one
    for (const { outside, marks } of found) {
      expect(outside).toBe(0);
      expect(marks).toBeGreaterThan(10);
    }
    await page.close();
  });

  it("leads to the runs' own reports and unfolds its file", async () => {
    const { page } = await opened(await renderSweepReport(SWEPT), { viewport: WIDE });
    const own = join(folder, "judge_seed-2");
    await mkdir(own);
    await writeFile(join(own, "report.html"), await renderReport(REPORT));
    const folded = page.locator("details pre");
    expect(await folded.isVisible()).toBe(false);
    await page.locator("summary").click();
    expect(await folded.textContent()).toBe(SWEPT.file);
    await page.locator("a", { hasText: "seed 2" }).click();
    expect(await page.title()).toBe(REPORT.title);
    await page.close();
  });

  it("writes no name of a setting over another's, nor over a point", async () => {
    const rows = publishedRows().map((row): Row => ({ ...row, seeds: 1 })); // all drawn
    expect(rows.length).toBeGreaterThanOrEqual(24);
    const text = await renderSweepReport({ ...SWEEP, rows });
    const { page } = await opened(text, { viewport: WIDE });
    const plots = await page.locator("figure.chart svg").evaluateAll((drawings) =>
      drawings.map((svg) => {
        const boxes = (marks: string) =>
          [...svg.querySelectorAll(marks)].map((mark) => {
            const { left, right, top, bottom } = mark.getBoundingClientRect();
            return { text: mark.textContent ?? "", left, right, top, bottom };
          });
        return { texts: boxes("text"), points: boxes('path[fill="var(--roclip)"]') };
      }),
    );
    expect(plots).toHaveLength(2);
    for (const { texts, points } of plots) {
      const names = texts.filter(({ text }) => rows.some(({ setting }) => setting === text));
      expect(names.length).toBe(points.length);
      for (const [i, name] of names.entries())
        for (const other of [...names.slice(i + 1), ...points]) {
          const beside = name.right <= other.left || other.right <= name.left;
          const apart = beside || name.bottom <= other.top || other.bottom <= name.top;
          expect(apart, `${name.text} and ${other.text || "a point"}`).toBe(true);
        }
    }
    await page.close();
  });
});
