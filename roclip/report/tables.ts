import { wilson } from "../measures.ts";
import { percent } from "../table.ts";
import { DEFENCE_NAMES, type EpochResult, type RunResult } from "./data.ts";
import { type Html, html } from "./html.ts";

/** A share as per cent, with its 95% interval under it when the number of cases is known. */
function rateCell(share: number, count: number | undefined): Html {
  if (count === undefined || count === 0 || !Number.isFinite(share)) {
    return html`<td>${percent(share)}</td>`;
  }
  const { low, high } = wilson(Math.round(share * count), count);
  return html`<td>${percent(share)}<small>${percent(low)} – ${percent(high)}</small></td>`;
}

/** The row of a run: its last epoch. */
function runRow({ defence, seed, epochs, counts }: RunResult): Html[] {
  const last = epochs.at(-1);
  if (!last) return [];
  const seconds = epochs.reduce((sum, row) => sum + row.seconds, 0);
  return [
    html`<tr>
  <th scope="row"><span class="swatch ${defence}"></span>${DEFENCE_NAMES[defence]}</th>
  <td>${seed}</td>
  <td>${last.epoch}<small>${last.phase}</small></td>
  ${rateCell(last.zeroShotTop1, counts?.heldOut)}
  <td>${percent(last.classMean)}</td>
  ${rateCell(last.psr, counts?.targets)}
  ${rateCell(last.asr, counts?.triggered)}
  ${rateCell(last.trueClassTarget, counts?.targets)}
  ${rateCell(last.trueClassTriggered, counts?.triggered)}
  <td>${Math.round(last.pairsPerSecond)}</td>
  <td>${seconds.toFixed(0)} s</td>
</tr>`,
  ];
}

/** The result of every run at its last epoch. */
export function resultTable(runs: readonly RunResult[]): Html {
  return html`<div class="scroll"><table>
<thead><tr><th>Defence</th><th>Seed</th><th>Epoch</th><th>Zero-shot top‑1</th><th>Class mean</th>
<th>PSR</th><th>ASR</th><th>Poisoned: true class</th><th>Triggered: true class</th><th>Pairs/s</th>
<th>Time</th></tr></thead>
<tbody>${runs.flatMap(runRow)}</tbody></table></div>`;
}

/** The row of an epoch. */
function epochRow({ defence, seed }: RunResult, row: EpochResult): Html {
  return html`<tr class="${row.phase}">
  <th scope="row"><span class="swatch ${defence}"></span>${DEFENCE_NAMES[defence]}</th>
  <td>${seed}</td><td>${row.epoch}</td><td>${row.phase}</td>
  <td>${Number.isFinite(row.loss) ? row.loss.toFixed(3) : "–"}</td>
  <td>${percent(row.zeroShotTop1)}</td><td>${percent(row.classMean)}</td>
  <td>${percent(row.psr)}</td><td>${percent(row.psrTop5 ?? null)}</td><td>${percent(row.asr)}</td>
  <td>${Math.round(row.pairsPerSecond)}</td><td>${row.seconds.toFixed(1)} s</td>
</tr>`;
}

/** Every epoch of every run. */
export function epochTable(runs: readonly RunResult[]): Html {
  const rows = runs.flatMap((run) => run.epochs.map((row) => epochRow(run, row)));
  return html`<div class="scroll"><table>
<thead><tr><th>Defence</th><th>Seed</th><th>Epoch</th><th>Kind</th><th>Loss</th>
<th>Zero-shot top‑1</th><th>Class mean</th><th>PSR</th><th>PSR top‑5</th><th>ASR</th>
<th>Pairs/s</th><th>Time</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}
