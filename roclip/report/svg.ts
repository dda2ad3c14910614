/** vega-lite specifications made into SVG, with no DOM and no canvas. */
import type { TopLevelSpec } from "vega-lite";

const FAINT = 0.18; // opacity of grid lines
const FONT = "system-ui, sans-serif";

/** A plot with its title; pixels. */
export interface Plot {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  /** An `<svg>` element. */
  readonly svg: string;
}

/** What axes have in every figure, whatever its colours. */
export const AXIS = {
  labelFontSize: 11,
  titleFontSize: 11,
  titleFontWeight: "normal",
  domain: false,
  ticks: false,
  labelPadding: 6,
} as const;

/** How text, axes and grid look: in the colour of the text around the plot. */
export const AXES = {
  background: "transparent",
  view: { stroke: null },
  font: FONT,
  axis: {
    labelColor: "currentColor",
    titleColor: "currentColor",
    ...AXIS,
    gridColor: "currentColor",
    gridOpacity: FAINT,
  },
} as const;

/** A file of SVG. */
export async function svgFileOf(spec: TopLevelSpec): Promise<string> {
  // Loaded here, not above: every command would take a third longer to begin.
  const [{ parse, View }, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** An `<svg>` element for use inside HTML, which scales with its box and names no address. */
export async function svgOf(spec: TopLevelSpec): Promise<string> {
  const svg = await svgFileOf(spec);
  // Inside HTML the namespaces are known, and width and height belong to the style sheet.
  return svg
    .replace(/ xmlns(:\w+)?="[^"]*"/g, "")
    .replace(/^<svg([^>]*?) width="[^"]*" height="[^"]*"/, '<svg$1 role="img"');
}
