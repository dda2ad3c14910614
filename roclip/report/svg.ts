/** vega-lite specifications made into SVG for use inside HTML, with no DOM and no canvas. */
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

/** How text, axes and grid look: in the colour of the text around the plot. */
export const AXES = {
  background: "transparent",
  view: { stroke: null },
  font: FONT,
  axis: {
    labelColor: "currentColor",
    titleColor: "currentColor",
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: "normal",
    domain: false,
    ticks: false,
    labelPadding: 6,
    gridColor: "currentColor",
    gridOpacity: FAINT,
  },
} as const;

/** An `<svg>` element that scales with its box and names no address. */
export async function svgOf(spec: TopLevelSpec): Promise<string> {
  // Loaded here, not above: every command would take a third longer to begin.
  const [{ parse, View }, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  try {
    const svg = await view.toSVG();
    // Inside HTML the namespaces are known, and width and height belong to the style sheet.
    return svg
      .replace(/ xmlns(:\w+)?="[^"]*"/g, "")
      .replace(/^<svg([^>]*?) width="[^"]*" height="[^"]*"/, '<svg$1 role="img"');
  } finally {
    view.finalize();
  }
}
