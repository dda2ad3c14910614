/**
 * The report of a run: one HTML file that opens from disk, needs no server and names no address.
 */
import { chartSvg } from "./report/charts.ts";
import {
  DEFENCE_NAMES,
  DEFENCES,
  type Defence,
  type EpochResult,
  type ReportData,
} from "./report/data.ts";
import { gallerySection } from "./report/gallery.ts";
import { type Html, html, trusted } from "./report/html.ts";
import { page } from "./report/page.ts";
import { ATTACKS, type Panel, TRAINING } from "./report/panels.ts";
import { epochTable, resultTable } from "./report/tables.ts";
import { percent } from "./table.ts";

export type * from "./report/data.ts";

/** The mean of a measure over the last epochs of all runs of a defence; NaN when there is none. */
function lastMean(data: ReportData, defence: Defence, measure: keyof EpochResult): number {
  const values = data.runs
    .filter((run) => run.defence === defence)
    .map((run) => Number(run.epochs.at(-1)?.[measure]));
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The defences that were trained, CLIP first. */
function defencesOf(data: ReportData): Defence[] {
  return DEFENCES.filter((defence) => data.runs.some((run) => run.defence === defence));
}

/** A number of each defence side by side. */
function tile(data: ReportData, title: string, measure: keyof EpochResult, words: string): Html {
  const numbers = defencesOf(data).map((defence, index) => {
    const arrow = index === 0 ? [] : [html`<span class="to">→</span>`];
    const value = percent(lastMean(data, defence, measure));
    return html`${arrow}<span class="${defence}">${value}</span>`;
  });
  const names = defencesOf(data).map((defence) => DEFENCE_NAMES[defence]);
  return html`<div class="tile"><h3>${title}</h3><div class="pair">${numbers}</div>
<p>${names.join(" → ")}, last epoch; ${words}</p></div>`;
}

/** The three numbers a reader came for. */
function headline(data: ReportData): Html {
  return html`<div class="headline">
${tile(data, "Poison success", "psr", "lower is better")}
${tile(data, "Backdoor success", "asr", "lower is better")}
${tile(data, "Zero-shot accuracy", "zeroShotTop1", "higher is better")}
</div>`;
}

/** Charts side by side. */
async function charts(panels: readonly Panel[], data: ReportData): Promise<Html> {
  const figures = panels.map(async (panel) => {
    const svg = await chartSvg(panel, data.runs);
    return html`<figure class="chart"><h3>${panel.title}</h3><p>${panel.words}</p>
${trusted(svg)}</figure>`;
  });
  return html`<div class="charts">${await Promise.all(figures)}</div>`;
}

/** What colours, marks and shades of the charts mean. */
function legend(data: ReportData): Html {
  const colours = defencesOf(data).map(
    (defence) =>
      html`<span><span class="swatch ${defence}"></span>${DEFENCE_NAMES[defence]}</span>`,
  );
  return html`<div class="legend">${colours}
<span><span class="swatch band"></span>epoch in which RoCLIP matches with the pool (◆);
others are plain (●)</span>
</div>`;
}

/** How to make the run again. */
function reproduction(data: ReportData): Html {
  return html`<section><h2>Make it again</h2>
<pre>${data.command}</pre>
<p class="meta">Same adapter (${data.adapter}) and seed give the same bits.</p>
<details><summary>Configuration</summary>
<pre>${JSON.stringify(data.config, null, 2)}</pre></details>
<details><summary>Every epoch</summary>${epochTable(data.runs)}</details></section>`;
}

/** What a reader must know, if anything. */
function notesSection(notes: readonly string[]): Html[] {
  if (notes.length === 0) return [];
  const items = notes.map((note) => html`<li>${note}</li>`);
  return [html`<section><h2>Notes</h2><ul>${items}</ul></section>`];
}

/**
 * The report as one HTML page: result, success of the attacks by epoch, accuracy and loss, gallery,
 * configuration and how to make the run again.
 *
 * @param data  everything it shows
 * @returns     the text of `report.html`
 */
export async function renderReport(data: ReportData): Promise<string> {
  return page(
    data.title,
    html`<header><h1>${data.title}</h1><p class="meta">Trained on ${data.adapter}</p></header>
${headline(data)}
<section><h2>Result</h2>
<p class="lead">At the last epoch of each run. Small print: 95% intervals (Wilson).</p>
${resultTable(data.runs)}</section>
<section><h2>Attack success by epoch</h2>${legend(data)}${await charts(ATTACKS, data)}</section>
<section><h2>Accuracy and loss by epoch</h2>${await charts(TRAINING, data)}</section>
${await gallerySection(data.gallery, "poison")}
${await gallerySection(data.gallery, "backdoor")}
${notesSection(data.notes)}
${reproduction(data)}`,
  );
}
