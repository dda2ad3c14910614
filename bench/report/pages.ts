/** What is made of the committed rows: RESULTS.md, and tables in pages that are written by hand. */
import { ablationTable } from "./ablation.ts";
import type { Folder, SweepTables } from "./files.ts";
import { isaSections } from "./isaSection.ts";
import { peersSection } from "./peersSection.ts";
import { ladderSection, ladderTables, scaleSection, stepSection } from "./sections.ts";

/** Pages that are written by hand but for a table, from the root. */
const ABLATION_PAGE = "docs/attacks-and-defences.md";
const LADDER_PAGE = "bench/ladder/README.md";

/** Where figures are kept, from the root. */
export const FIGURES = "docs/results";

const HEAD = `# Results

Made by \`npm run bench -- results\` from the files in \`bench/results\`, one folder for each
adapter, and one for each sweep (\`roclip reproduce\`), with its tables as the sweep wrote them; a test
holds this page to them, so no number here is typed by hand, but for the last section
(\`bench/results/notes.md\`). Where there is a target, ✓ and ✗ are computed from the number beside it.

To measure again, on the adapter that the engine finds or \`--adapter\` names, and make this page:

\`\`\`sh
npm ci --ignore-scripts --prefix bench/peers   # other engines, once
npm run bench -- results --measure             # or of some: --measure step scale ladder isa peers
\`\`\`

A software adapter ranks kernels by the instructions they take; it has no caches of a GPU's kind, no
banks and no latency to hide. Its times say nothing of a GPU's, and other programs on the machine
disturb them: compare only numbers of one table.`;

const figure = (name: string, text: string) => `![${text}](${FIGURES}/${name}.svg)`;

function folderSections({ name, peers, step, scale, ladder }: Folder): string[] {
  const found = [
    peers && peersSection(peers, figure(`${name}-peers`, "Ratios by op and peer")),
    step && stepSection(step),
    scale && scaleSection(scale, figure(`${name}-scale`, "Time of a search against the pool")),
    ladder && ladderSection(ladder, figure(`${name}-ladder`, "Rates by rung")),
  ].filter((section) => section !== undefined);
  return found.length > 0 ? [`## ${name}`, ...found] : [];
}

/** What a sweep's tables say of themselves, under a title of this page. */
function sweepSection({ name, document, pictured }: SweepTables): string {
  const [, ...rest] = document.trim().split("\n");
  const picture = `![Accuracy against attack success](bench/results/${name}/report.png)`;
  return [`## Sweep: ${name}`, rest.join("\n").trim(), ...(pictured ? [picture] : [])].join("\n\n");
}

/** A document as a section: its titles one level down. */
const asSection = (document: string) => document.trim().replace(/^#/gm, "##");

/**
 * RESULTS.md.
 *
 * @param notes  what is written by hand, the last section
 */
export function resultsPage(
  folders: readonly Folder[],
  sweeps: readonly SweepTables[],
  notes: string,
): string {
  const compiled = isaSections(folders);
  const measured = folders.flatMap(folderSections);
  const sections = [HEAD, ...sweeps.map(sweepSection), ...compiled, ...measured, asSection(notes)];
  return `${sections.join("\n\n")}\n`;
}

const BEGIN = "<!-- rows: npm run bench -- results -->";
const END = "<!-- end of rows -->";

/** A document with other text between its marks. @throws Error when it lacks them */
function between(file: string, document: string, text: string): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(
      `results: ${file} must hold "${BEGIN}" and "${END}"; ` +
        "one is not there; put them around the table",
    );
  return `${before}${BEGIN}\n\n${text}\n\n${END}${after}`;
}

/**
 * The ladders' README with the rows of every adapter between its marks.
 *
 * @throws  Error when the text lacks them
 */
export function withLadderRows(readme: string, folders: readonly Folder[]): string {
  const tables = folders.flatMap(({ name, ladder }) =>
    ladder ? [`### ${name}\n\n${ladderTables(ladder)}`] : [],
  );
  return between(LADDER_PAGE, readme, tables.join("\n\n"));
}

/** @throws Error when the sweep is not there */
export function fashionOf(sweeps: readonly SweepTables[]): SweepTables {
  const fashion = sweeps.find(({ name }) => name === "fashion");
  if (!fashion) throw new Error("results: bench/results/fashion/results.md is not there");
  return fashion;
}

/**
 * The README with rows of the sweep `fashion` between its marks: settings run under every seed.
 *
 * @throws  Error when the text lacks them
 */
function withFashionRows(readme: string, fashion: SweepTables): string {
  const [table = ""] = /(^\|.*\n)+/m.exec(fashion.document) ?? [];
  const rows = table.split("\n").filter((row) => row !== "" && !/^\|[^|]*\| \d+ of/.test(row));
  return between("README.md", readme, rows.join("\n"));
}

/**
 * The introduction to attacks and defences with the ablation of the sweep `fashion` between its marks.
 *
 * @throws  Error when the text lacks them
 */
function withAblationRows(document: string, fashion: SweepTables): string {
  return between(ABLATION_PAGE, document, ablationTable(fashion));
}

/**
 * Every page by its path from the root.
 *
 * @param read   the text of the page that is there
 * @param notes  what is written by hand at the end of RESULTS.md
 * @throws       Error when a page lacks its marks, or the sweep `fashion` is not there
 */
export function pagesOf(
  read: (path: string) => string,
  folders: readonly Folder[],
  sweeps: readonly SweepTables[],
  notes: string,
): Map<string, string> {
  const fashion = fashionOf(sweeps);
  return new Map([
    ["RESULTS.md", resultsPage(folders, sweeps, notes)],
    ["README.md", withFashionRows(read("README.md"), fashion)],
    [ABLATION_PAGE, withAblationRows(read(ABLATION_PAGE), fashion)],
    [LADDER_PAGE, withLadderRows(read(LADDER_PAGE), folders)],
  ]);
}
