/** Figures of the results: vega-lite specifications made into SVG, with no DOM and no canvas. */
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Folder } from "./files.ts";

const COLOURS = ["#0f6cbd", "#c2410c", "#17692f", "#7c3aed", "#5c6570"];
const INK = "#1d2127";
const WIDTH = 520; // pixels of a plot

// Where grid lines stand on logarithmic axes; those beyond the data are not drawn.
const RATIOS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50];
const DECADES = [1e-2, 1e-1, 1, 10, 100, 1e3, 1e4, 1e5];

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
  legend: { labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal" },
  title: { fontSize: 13, anchor: "start", fontWeight: "normal", color: INK },
} as const;

const quantitative = "quantitative" as const;
const nominal = "nominal" as const;

/** Every pair of ours and a peer's, and the line below which a peer is faster. */
function peersSpec({ rows }: NonNullable<Folder["peers"]>): TopLevelSpec {
  const scale = { type: "log", nice: false, padding: 12 } as const;
  const axis = { title: "a peer's time over ours", values: RATIOS, format: "~g" };
  return {
    config: CONFIG,
    padding: 10,
    width: WIDTH,
    height: { step: 26 },
    title: "Beside other engines, each shape of each op",
    layer: [
      {
        data: { values: [{ one: 1 }] },
        mark: { type: "rule", color: INK },
        encoding: { x: { field: "one", type: quantitative, scale } },
      },
      {
        data: { values: rows.map(({ op, peer, ratio }) => ({ op, peer, ratio })) },
        mark: { type: "point", filled: true, size: 55, opacity: 0.8 },
        encoding: {
          x: { field: "ratio", type: quantitative, scale, axis },
          y: { field: "op", type: nominal, sort: null, axis: { title: null, grid: true } },
          color: { field: "peer", type: nominal, sort: null, title: null },
        },
      },
    ],
  };
}

/** A search's time against the pool, a line for each batch. */
function scaleSpec({ searches }: NonNullable<Folder["scale"]>): TopLevelSpec {
  const widest = Math.min(...searches.map(({ D }) => D));
  const values = searches
    .filter(({ D, ms }) => D === widest && ms !== null)
    .map(({ B, P, ms }) => ({ B, P, ms }));
  return {
    config: CONFIG,
    padding: 10,
    width: WIDTH,
    height: 300,
    title: `The pool search at width ${widest}`,
    data: { values },
    mark: { type: "line", point: true, strokeWidth: 2 },
    encoding: {
      x: {
        ...{ field: "P", type: quantitative, scale: { type: "log", base: 2, nice: false } },
        axis: { title: "rows in the pool", values: [...new Set(values.map(({ P }) => P))] },
      },
      y: {
        ...{ field: "ms", type: quantitative, scale: { type: "log" } },
        axis: { title: "ms", values: DECADES, format: "~g" },
      },
      color: { field: "B", type: "ordinal", sort: "descending", title: "queries" },
    },
  };
}

/** The rungs' rates as bars, a panel for each ladder. */
function ladderSpec({ rows }: NonNullable<Folder["ladder"]>): TopLevelSpec {
  const ops = [...new Set(rows.map(({ op }) => op))];
  return {
    config: CONFIG,
    padding: 10,
    vconcat: ops.map((op) => {
      const own = rows.filter((row) => row.op === op);
      return {
        width: WIDTH,
        height: { step: 26 },
        title: `${op}, ${own[0]!.shape}`,
        data: { values: own.map(({ rung, gflops }) => ({ rung, gflops })) },
        mark: { type: "bar" as const, color: COLOURS[0]!, height: { band: 0.7 } },
        encoding: {
          x: { field: "gflops", type: quantitative, axis: { title: "GFLOP/s" } },
          y: { field: "rung", type: nominal, sort: null, axis: { title: null } },
        },
      };
    }),
  };
}

async function svgOf(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** The figures that a folder's files allow, by name: `llvmpipe-ladder`. */
export async function figuresOf(folder: Folder): Promise<Map<string, string>> {
  const { name, peers, scale, ladder } = folder;
  const figures = new Map<string, string>();
  if (peers) figures.set(`${name}-peers`, await svgOf(peersSpec(peers)));
  if (scale) figures.set(`${name}-scale`, await svgOf(scaleSpec(scale)));
  if (ladder) figures.set(`${name}-ladder`, await svgOf(ladderSpec(ladder)));
  return figures;
}
