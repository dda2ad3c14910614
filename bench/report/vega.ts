/** What figures have in common: their look, and how a specification becomes SVG. */
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

export const COLOURS = ["#0f6cbd", "#c2410c", "#17692f", "#7c3aed", "#5c6570"];
export const INK = "#1d2127";

const CONFIG = {
  background: "#ffffff",
  font: "DejaVu Sans, Verdana, sans-serif",
  view: { stroke: null },
  range: { category: COLOURS, ordinal: COLOURS },
  axis: {
    labelColor: INK,
    titleColor: INK,
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: "normal",
    domain: false,
    ticks: false,
    labelPadding: 6,
    labelLimit: 260,
    gridColor: "#e2e0da",
  },
  legend: { labelFontSize: 11, labelLimit: 260, titleFontSize: 11, titleFontWeight: "normal" },
  title: { fontSize: 13, anchor: "start", fontWeight: "normal", color: INK },
} as const;

/** What every figure has. */
export const FIGURE = { config: CONFIG, padding: 10 } as const;

export const quantitative = "quantitative" as const;
export const nominal = "nominal" as const;

/** A specification as SVG. */
export async function svgOf(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
