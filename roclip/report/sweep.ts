/** The report of a sweep: its table, accuracy against attack success, attack success by epoch. */
import type { CellOutcome, Row } from "../sweep/results.ts";
import { seedsAsked, seedsOf, seedsText } from "../sweep/text.ts";
import { percent } from "../table.ts";
import { chartSvg } from "./charts.ts";
import type { RunResult } from "./data.ts";
import { type Html, html, trusted } from "./html.ts";
import { page } from "./page.ts";
import { ATTACKS } from "./panels.ts";
import { READING, type Standing, type Tradeoff, tradeoffPlots } from "./tradeoff.ts";

/** Everything that the report of a sweep shows. */
export interface SweepReport {
  readonly title: string;
  /** The command that makes it again, and the text of the file that it reads. */
  readonly command: string;
  readonly file: string;
  /** Of settingRows. */
  readonly rows: readonly Row[];
  readonly outcomes: readonly CellOutcome[];
  /** Where the cells' own reports are, as seen from this one, by the names of the cells. */
  readonly reports: Readonly<Record<string, string>>;
}

const numberOf = (row: Row, name: string) => {
  const value = row[name];
  return typeof value === "number" ? value : null;
};

/** A share, with its interval or standard deviation under it. */
function cell(row: Row, name: string): Html {
  const value = numberOf(row, name);
  const [low, high, sd] = ["Low", "High", "Sd"].map((end) => numberOf(row, name + end));
  if (value === null) return html`<td>–</td>`;
  const more = typeof low === "number" ? `${percent(low)} – ${percent(high ?? null)}` : undefined;
  const small = more ?? (typeof sd === "number" ? `± ${percent(sd)}` : "");
  return html`<td>${percent(value)}<small>${small}</small></td>`;
}

const MEASURES = ["zeroShotTop1", "classMean", "psr", "asr", "trueClassTarget"] as const;

/** The seeds of a setting, each leading to its run's report where there is one. */
function seedsCell({ outcomes, reports }: SweepReport, row: Row): Html {
  const own = outcomes.filter(({ cell }) => cell.setting === row.setting);
  const links = own.flatMap(({ cell: { name, seed } }) => {
    const address = reports[name];
    return address === undefined
      ? []
      : [html`<a href="${address}" title="${name}">seed ${seed}</a>`];
  });
  const seeds = seedsText(row, seedsOf(outcomes).length);
  return html`<td>${seeds}<small>${links}</small></td>`;
}

function table(report: SweepReport): Html {
  const lines = report.rows.map(
    (row) => html`<tr><th scope="row">${String(row.setting)}</th>${seedsCell(report, row)}
<td>${row.epoch ?? "–"}<small>${row.epochKind ?? ""}</small></td>
${MEASURES.map((name) => cell(row, name))}</tr>`,
  );
  return html`<div class="scroll"><table>
<thead><tr><th>Setting</th><th>Seeds</th><th>Epoch</th><th>Zero-shot top‑1</th><th>Class mean</th>
<th>PSR</th><th>ASR</th><th>Poisoned: true class</th></tr></thead><tbody>${lines}</tbody></table></div>`;
}

const CURVE_HEIGHT = 140; // pixels: there are two for each setting

/** How attacks succeed on a setting by epoch; nothing where none was measured. */
async function curves(setting: string, runs: readonly RunResult[]): Promise<Html[]> {
  const measured = ATTACKS.filter(({ measure }) =>
    runs.some(({ epochs }) => epochs.some((row) => Number.isFinite(row[measure]))),
  );
  if (measured.length === 0) return [];
  const figures = measured.map(async (panel) => {
    const svg = await chartSvg({ ...panel, height: CURVE_HEIGHT }, runs);
    return html`<figure class="chart"><p>${panel.title}</p>${trusted(svg)}</figure>`;
  });
  return [html`<h3>${setting}</h3><div class="charts">${await Promise.all(figures)}</div>`];
}

/** The curves of every setting. */
async function curvesSection({ rows, outcomes }: SweepReport): Promise<Html[]> {
  const drawn = rows.map(({ setting }) => {
    const own = outcomes.filter(({ cell }) => cell.setting === setting);
    const runs = own.flatMap(({ outcome }) => (outcome.kind === "done" ? [outcome.result] : []));
    return curves(String(setting), runs);
  });
  const found = (await Promise.all(drawn)).flat();
  if (found.length === 0) return [];
  return [
    html`<section class="curves"><h2>Attack success by epoch</h2>
<p class="lead">A line for each seed.
<span class="swatch band"></span>Epochs in which RoCLIP matches with the pool, or judges by it (◆);
in others it does not (●).</p>
${found}</section>`,
  ];
}

/** Where the settings stand by one attack. */
function standings(rows: readonly Row[], attack: "psr" | "asr"): Standing[] {
  return rows.map((row) => ({
    setting: String(row.setting),
    accuracy: numberOf(row, "zeroShotTop1"),
    success: numberOf(row, attack),
    low: numberOf(row, `${attack}Low`),
    high: numberOf(row, `${attack}High`),
  }));
}

/**
 * Accuracy against the success of each attack, of the settings that are run under as many seeds as
 * any: a setting aside, under one seed, would look as sure as a mean.
 */
export function tradeoffsOf(rows: readonly Row[]): Tradeoff[] {
  const most = Math.max(...rows.map(seedsAsked));
  const main = rows.filter((row) => seedsAsked(row) === most);
  return [
    { title: "Poison success (PSR)", standings: standings(main, "psr") },
    { title: "Backdoor success (ASR)", standings: standings(main, "asr") },
  ];
}

/** How to make the sweep again. */
function reproduction({ command, file }: SweepReport): Html {
  return html`<section><h2>Make it again</h2><pre>${command}</pre>
<details><summary>The sweep’s file</summary><pre>${file}</pre></details></section>`;
}

/**
 * The report of a sweep as one HTML page.
 *
 * @returns  the text of `report.html`; its links lead to the cells' own
 */
export async function renderSweepReport(report: SweepReport): Promise<string> {
  const { title, rows } = report;
  const plots = (await tradeoffPlots(tradeoffsOf(rows))).map(
    ({ title, svg }) => html`<figure class="chart"><h3>${title}</h3>
<p>${READING}</p>
${trusted(svg)}</figure>`,
  );
  return page(
    title,
    html`<header><h1>${title}</h1></header>
<section><h2>Accuracy against attack success</h2><div class="charts">${plots}</div></section>
<section><h2>Result</h2><p class="lead">At the last epoch. PSR and ASR over the cases of all seeds, with
95% intervals (Wilson); the others are means, ± the standard deviation over seeds. Each seed leads
to its run’s own report, with the attacked images.</p>
${table(report)}</section>
${await curvesSection(report)}
${reproduction(report)}`,
  );
}
