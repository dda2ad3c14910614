/** What an adapter's own files say: the training step, scaling, the ladders. */
import type { RungRow } from "../ladder/measure.ts";
import type { SearchRow } from "../scale/search.ts";
import type { WholeStep } from "../stepCommand.ts";
import type { Folder } from "./files.ts";
import { atMost, digits, machineText, megabytes, percent, table } from "./markdown.ts";

const JS_RATIO = 1.25; // JavaScript per dispatch over a bare loop's, at most
export const PEAK_RATIO = 1.1; // memory over the least possible, at most

const peakText = ({ peakBytes, boundBytes }: Pick<WholeStep, "peakBytes" | "boundBytes">) =>
  atMost((peakBytes / boundBytes).toFixed(3), peakBytes / boundBytes, PEAK_RATIO);

const unique = <T>(values: readonly T[]) => [...new Set(values)];

/** A step by its parts. */
export function stepSection({ machine, steps }: NonNullable<Folder["step"]>): string {
  const row = (title: string, text: (step: WholeStep) => string) => [title, ...steps.map(text)];
  return [
    "### A training step",
    machineText(machine),
    "The demonstration's step (`roclip/configs/demo.ts`) on a batch of noise, plain and with the " +
      "pool search.",
    table(
      ["", ...steps.map(({ step }) => step)],
      [
        row("dispatches", ({ dispatches }) => String(dispatches)),
        row("kernels, each in a pass of its own, ms", ({ kernelsMs }) => digits(kernelsMs)),
        row("a step among many, ms", ({ wallMs }) => digits(wallMs)),
        row("the queue is idle", ({ idleShare }) => percent(idleShare)),
        row("upload of a batch, ms", ({ uploadMs }) => digits(uploadMs)),
        row("read of the loss, ms", ({ readMs }) => digits(readMs)),
        row("JavaScript per dispatch, µs", (step) => digits(step.jsUsPerDispatch)),
        row("a bare loop's, µs", (step) => digits(step.bareUsPerDispatch)),
        row(`their ratio, pair by pair; target ≤ ${JS_RATIO}`, ({ jsRatio }) =>
          atMost(jsRatio.toFixed(2), jsRatio, JS_RATIO),
        ),
        row("memory in slots, MB", ({ peakBytes }) => megabytes(peakBytes)),
        row("no layout can do with less than, MB", ({ boundBytes }) => megabytes(boundBytes)),
        row(`their ratio; target ≤ ${PEAK_RATIO}`, peakText),
      ],
    ),
  ].join("\n\n");
}

/** One measure of the searches: a line for each pool, a column for each batch. */
function searchTable(searches: readonly SearchRow[], text: (row: SearchRow) => string): string {
  const batches = unique(searches.map(({ B }) => B));
  const pools = unique(searches.map(({ P, D }) => `${P} × ${D}`));
  const cell = (pool: string, batch: number) =>
    text(searches.find(({ P, D, B }) => `${P} × ${D}` === pool && B === batch)!);
  const lines = pools.map((pool) => [pool, ...batches.map((batch) => cell(pool, batch))]);
  return table(["pool", ...batches.map((batch) => `B = ${batch}`)], lines);
}

/** Time and memory against sizes. */
export function scaleSection(
  { machine, searches, steps }: NonNullable<Folder["scale"]>,
  figure: string,
): string {
  const reasons = unique(
    searches.flatMap(({ P, D, reason }) => (reason ? [`* ${P} × ${D}: ${reason}.`] : [])),
  );
  const lines = steps.map((step) => [
    `batch ${step.batch}, width ×${step.width}, depth ×${step.depth}`,
    ...[digits(step.ms), megabytes(step.peakBytes), megabytes(step.boundBytes), peakText(step)],
  ]);
  return [
    "### Scaling",
    machineText(machine),
    "The pool search (`nearest`), ms; the pool as rows × width, B queries. Every search found the " +
      "rows that its queries were made from.",
    searchTable(searches, ({ ms }) => (ms === null ? "–" : digits(ms))),
    ...(reasons.length > 0 ? [reasons.join("\n")] : []),
    figure,
    "Memory that the search takes beyond its operands and results, MB:",
    searchTable(searches, ({ extraBytes }) => (extraBytes === null ? "–" : megabytes(extraBytes))),
    "A matching step of the demonstration, alone: other batches, towers wider and deeper.",
    table(
      ["step", "ms", "memory, MB", "least possible, MB", `ratio, target ≤ ${PEAK_RATIO}`],
      lines,
    ),
  ].join("\n\n");
}

function rungCells({ rung, kernel, ms, p10, p90, gflops, code }: RungRow): string[] {
  const bytes = (count: number | null) => count?.toFixed(2) ?? "–";
  const compiled = code
    ? [
        percent(code.fmaShare),
        bytes(code.ldsBytesPerFma),
        code.memoryBytesPerFma === 0 ? "not in it" : bytes(code.memoryBytesPerFma),
        `${code.vgprs}`,
      ]
    : ["–", "–", "–", "–"];
  const time = `${digits(ms)} [${digits(p10)}–${digits(p90)}]`;
  return [`${rung} (\`${kernel}\`)`, time, digits(gflops), ...compiled];
}

/** One ladder's rungs. */
export function ladderTable(rows: readonly RungRow[]): string {
  const head = ["rung", "ms [p10–p90]", "GFLOP/s", "FMA", "LDS B", "memory B", "VGPRs"];
  return table(head, rows.map(rungCells));
}

/** The ladders of an adapter, one after the other. */
export function ladderTables({ machine, rows }: NonNullable<Folder["ladder"]>): string {
  const tables = unique(rows.map(({ op }) => op)).map((op) => {
    const own = rows.filter((row) => row.op === op);
    return `\`${op}\`, ${own[0]!.shape}:\n\n${ladderTable(own)}`;
  });
  return [machineText(machine), ...tables].join("\n\n");
}

/** What an idea is worth. */
export function ladderSection(ladder: NonNullable<Folder["ladder"]>, figure: string): string {
  return [
    "### One idea after another",
    "From the plainest kernel to the engine's own, timed in turns; each agrees with float64. What " +
      "the ideas are stands in [bench/ladder](bench/ladder/README.md). FMA to VGPRs are those of " +
      "the hot loop compiled for a Radeon RX 7900 XTX, as above and not run: what is slow on a " +
      "software adapter, whose workgroup memory is ordinary memory, can be what a GPU needs.",
    ladderTables(ladder),
    figure,
  ].join("\n\n");
}
