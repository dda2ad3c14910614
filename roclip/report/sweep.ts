/** The report of a sweep: its table, and accuracy against attack success. */
import type { Row } from "../sweep/results.ts";
import { percent } from "../table.ts";
import { type Html, html, trusted } from "./html.ts";
import { page } from "./page.ts";
import { READING, type Standing, type Tradeoff, tradeoffPlots } from "./tradeoff.ts";

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

function table(rows: readonly Row[]): Html {
  const lines = rows.map(
    (row) => html`<tr><th scope="row">${String(row.setting)}</th><td>${Number(row.seeds)}</td>
<td>${row.epoch ?? "–"}<small>${row.epochKind ?? ""}</small></td>
${MEASURES.map((name) => cell(row, name))}</tr>`,
  );
  return html`<div class="scroll"><table>
<thead><tr><th>Setting</th><th>Seeds</th><th>Epoch</th><th>Zero-shot top‑1</th><th>Class mean</th>
<th>PSR</th><th>ASR</th><th>Poisoned: true class</th></tr></thead><tbody>${lines}</tbody></table></div>`;
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

/** Accuracy against the success of each attack. */
export const tradeoffsOf = (rows: readonly Row[]): Tradeoff[] => [
  { title: "Poison success (PSR)", standings: standings(rows, "psr") },
  { title: "Backdoor success (ASR)", standings: standings(rows, "asr") },
];

/**
 * The report of a sweep as one HTML page.
 *
 * @param title    what was run
 * @param command  the command that makes it again
 * @param rows     of settingRows
 */
export async function renderSweepReport(
  title: string,
  command: string,
  rows: readonly Row[],
): Promise<string> {
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
95% intervals (Wilson); the others are means, ± the standard deviation over seeds.</p>
${table(rows)}</section>
<section><h2>Make it again</h2><pre>${command}</pre></section>`,
  );
}
