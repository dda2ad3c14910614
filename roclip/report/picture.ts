/** A report's plots as one picture, for documents that show no HTML. */
import sharp from "sharp";
import { chartSvg } from "./charts.ts";
import { DEFENCE_NAMES, DEFENCES, type RunResult } from "./data.ts";
import { ATTACKS, type Panel, TRAINING } from "./panels.ts";
import { STYLE } from "./style.ts";
import type { Plot } from "./svg.ts";
import { READING, type Tradeoff, tradeoffPlots } from "./tradeoff.ts";

const COLUMNS = 2;
const MARGIN = 24; // pixels around the picture and between plots
const TITLE = 22; // height of a plot's title
const LEGEND = 30; // height of the first line
const CELL = 500; // width of a plot and its axis
const NAME = 110; // width of a defence in the legend
const DENSITY = 144; // two pixels of the picture for each of the plots

/** The page's light colours, by the names of its variables. */
const COLOURS = new Map(
  [...STYLE.slice(0, STYLE.indexOf("}")).matchAll(/(--[\w-]+): (#\w+)/g)].map(
    ([, name, colour]) => [name!, colour!],
  ),
);

/** Text whose colours no style sheet has to say. */
const coloured = (text: string) =>
  text
    .replace(/var\((--[\w-]+)\)/g, (_, name: string) => COLOURS.get(name) ?? "currentColor")
    .replaceAll("currentColor", COLOURS.get("--text")!);

const heightOf = ({ height }: Plot) => height + TITLE + 2 * MARGIN;

/** A plot under its title, in its place. */
function placed(plot: Plot, x: number, y: number): string {
  const at = `x="${x}" y="${y + TITLE}" width="${CELL}" height="${heightOf(plot) - TITLE}"`;
  return `<text x="${x + MARGIN / 2}" y="${y + TITLE / 2}" font-weight="600">${plot.title}</text>
${plot.svg.replace("<svg", `<svg ${at} preserveAspectRatio="xMinYMin meet"`)}`;
}

/** A line of text in SVG. */
const line = (words: string, x: number) => `<text x="${x}" y="${LEGEND / 2 + 4}">${words}</text>`;

/** Plots under a first line, light, two in a row, as a PNG. */
function pictureOf(first: string, plots: readonly Plot[]): Promise<Uint8Array> {
  const drawn: string[] = [];
  let y = LEGEND;
  for (let begin = 0; begin < plots.length; begin += COLUMNS) {
    const row = plots.slice(begin, begin + COLUMNS);
    drawn.push(...row.map((plot, i) => placed(plot, MARGIN + i * (CELL + MARGIN), y)));
    y += Math.max(...row.map(heightOf));
  }
  const width = COLUMNS * (CELL + MARGIN) + MARGIN;
  const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}"
font-family="sans-serif" font-size="13" fill="currentColor">
<rect width="100%" height="100%" fill="#ffffff"/>${first}${drawn.join("")}</svg>`;
  return sharp(Buffer.from(coloured(picture)), { density: DENSITY })
    .png()
    .toBuffer();
}

/** A dot and a name for each defence that was trained. */
function legend(runs: readonly RunResult[]): string {
  const trained = DEFENCES.filter((name) => runs.some(({ defence }) => defence === name));
  const items = trained.map((name, i) => {
    const x = MARGIN + i * NAME;
    return `<circle cx="${x + 6}" cy="${LEGEND / 2}" r="5" fill="var(--${name})"/>
${line(DEFENCE_NAMES[name], x + 18)}`;
  });
  const last = MARGIN + trained.length * NAME;
  const words = "shaded: epochs in which RoCLIP matches with the pool";
  return `${items.join("")}${line(words, last)}`;
}

/**
 * The plots of a report, light, two in a row. Words need a font on the system.
 *
 * @returns  a PNG
 */
export async function reportPicture(runs: readonly RunResult[]): Promise<Uint8Array> {
  const plots = [...ATTACKS, ...TRAINING].map(async (panel: Panel) => {
    const { title, width, height } = panel;
    return { title, width, height, svg: await chartSvg(panel, runs) };
  });
  return pictureOf(legend(runs), await Promise.all(plots));
}

/**
 * The plots of a sweep, light, side by side. Words need a font on the system.
 *
 * @returns  a PNG; undefined where no attack was measured
 */
export async function sweepPicture(
  tradeoffs: readonly Tradeoff[],
): Promise<Uint8Array | undefined> {
  const plots = await tradeoffPlots(tradeoffs);
  return plots.length > 0 ? pictureOf(line(READING, MARGIN), plots) : undefined;
}
