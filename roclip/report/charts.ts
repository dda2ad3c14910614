/** Plots of a report: a measure by epoch. */
import type { TopLevelSpec } from "vega-lite";
import { DEFENCE_NAMES, DEFENCES, type EpochResult, type RunResult } from "./data.ts";
import { AXES, svgOf } from "./svg.ts";

/** The measures that are plotted, by epoch. */
export type Measure = Exclude<keyof EpochResult, "epoch" | "phase">;

/** What is plotted against the epoch. */
export interface Chart {
  readonly measure: Measure;
  /** Drawn beside it, dashed. */
  readonly dashed?: Measure;
  readonly title: string;
  /** How values are shown: per cent on an axis that ends at 100 or at the data's end, or plain. */
  readonly axis: "whole" | "share" | "number";
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** One point of a plot. */
interface Point {
  readonly epoch: number;
  readonly value: number;
  readonly matching: boolean;
  readonly dashed: boolean;
  readonly defence: string;
  readonly run: string;
}

// Colours are the page's own variables, so that a plot follows its light and dark themes.
const BAND = "var(--band)";
const SOLID = [1, 0]; // pixels drawn, pixels left out
const DASHED = [5, 4];

/** The measured points of every run. */
function pointsOf(runs: readonly RunResult[], { measure, dashed }: Chart): Point[] {
  const lines = [
    { name: measure, dashed: false },
    ...(dashed === undefined ? [] : [{ name: dashed, dashed: true }]),
  ];
  return runs.flatMap(({ defence, seed, epochs }) => {
    const run = `${DEFENCE_NAMES[defence]}, seed ${seed}`;
    return epochs.flatMap((row) =>
      lines.flatMap(({ name, dashed }) => {
        const value = row[name];
        if (value === undefined || !Number.isFinite(value)) return [];
        const matching = row.phase === "matching";
        return [{ epoch: row.epoch, value, matching, dashed, defence, run }];
      }),
    );
  });
}

/** The epochs in which any run matched, as intervals half an epoch to each side. */
function bandsOf(runs: readonly RunResult[]): { from: number; to: number }[] {
  const matched = runs.flatMap(({ epochs }) => epochs.filter((row) => row.phase === "matching"));
  const epochs = new Set(matched.map((row) => row.epoch));
  return [...epochs].map((epoch) => ({ from: epoch - 0.5, to: epoch + 0.5 }));
}

/** How epochs, values, defences and kinds of epoch become places, colours and marks. */
function encodingsOf(chart: Chart, runs: readonly RunResult[]) {
  const last = Math.max(1, ...runs.flatMap(({ epochs }) => epochs.map((row) => row.epoch)));
  return {
    x: {
      field: "epoch",
      type: "quantitative" as const,
      scale: { domain: [0.5, last + 0.5], nice: false },
      axis: { title: "epoch", grid: false, tickMinStep: 1, format: "d" },
    },
    y: {
      field: "value",
      type: "quantitative" as const,
      scale: chart.axis === "whole" ? { domain: [0, 1] } : { zero: chart.axis === "share" },
      axis: { title: null, format: chart.axis === "number" ? "~g" : ".0%", tickCount: 5 },
    },
    color: {
      field: "defence",
      type: "nominal" as const,
      legend: null,
      scale: { domain: [...DEFENCES], range: DEFENCES.map((name) => `var(--${name})`) },
    },
    strokeDash: {
      field: "dashed",
      type: "nominal" as const,
      legend: null,
      scale: { domain: [false, true], range: [SOLID, DASHED] },
    },
    shape: {
      field: "matching",
      type: "nominal" as const,
      legend: null,
      scale: { domain: [false, true], range: ["circle", "diamond"] },
    },
  };
}

/** The vega-lite specification of a chart: shaded epochs, and over them a line for each run. */
function specOf(chart: Chart, runs: readonly RunResult[]): TopLevelSpec {
  const { x, y, color, shape, strokeDash } = encodingsOf(chart, runs);
  return {
    width: chart.width,
    height: chart.height,
    padding: 4,
    config: AXES,
    layer: [
      {
        data: { values: bandsOf(runs) },
        mark: { type: "rect", color: BAND, opacity: 1 },
        encoding: { x: { ...x, field: "from" }, x2: { field: "to" } },
      },
      {
        data: { values: pointsOf(runs, chart) },
        encoding: { x, y, color, detail: { field: "run" } },
        layer: [
          { mark: { type: "line", strokeWidth: 2 }, encoding: { strokeDash } },
          { mark: { type: "point", filled: true, opacity: 1, size: 45 }, encoding: { shape } },
        ],
      },
    ],
  };
}

/**
 * A measure by epoch, a line for each run, with the epochs that matched shaded.
 *
 * @returns  an `<svg>` element for use inside HTML: it scales with its box and names no address
 */
export async function chartSvg(chart: Chart, runs: readonly RunResult[]): Promise<string> {
  return svgOf(specOf(chart, runs));
}
