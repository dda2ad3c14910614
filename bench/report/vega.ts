/** What the specifications of figures have in common. */
import { AXIS } from "../../roclip/report/svg.ts";

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
    ...AXIS,
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
