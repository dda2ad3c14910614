/** Figures of the results: vega-lite specifications made into SVG, with no DOM and no canvas. */
import type { TopLevelSpec } from "vega-lite";
import { svgFileOf } from "../../roclip/report/svg.ts";
import { ablationSpec } from "./ablation.ts";
import type { Folder, SweepTables } from "./files.ts";
import { COLOURS, FIGURE, INK, nominal, quantitative } from "./vega.ts";

const WIDTH = 520; // pixels of a plot

// Where grid lines stand on logarithmic axes; those beyond the data are not drawn.
const RATIOS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50];
const DECADES = [1e-2, 1e-1, 1, 10, 100, 1e3, 1e4, 1e5];

/** Every pair of ours and a peer's, and the line below which a peer is faster. */
function peersSpec({ rows }: NonNullable<Folder["peers"]>): TopLevelSpec {
  const scale = { type: "log", nice: false, padding: 12 } as const;
  const axis = { title: "a peer's time over ours", values: RATIOS, format: "~g" };
  return {
    ...FIGURE,
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
    ...FIGURE,
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
    ...FIGURE,
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

/** The figures that a folder's files allow, by name: `llvmpipe-ladder`. */
async function figuresOfFolder({
  name,
  peers,
  scale,
  ladder,
}: Folder): Promise<[string, string][]> {
  const figures: [string, string][] = [];
  if (peers) figures.push([`${name}-peers`, await svgFileOf(peersSpec(peers))]);
  if (scale) figures.push([`${name}-scale`, await svgFileOf(scaleSpec(scale))]);
  if (ladder) figures.push([`${name}-ladder`, await svgFileOf(ladderSpec(ladder))]);
  return figures;
}

/** All figures by name, as SVG. */
export async function figuresOf(
  folders: readonly Folder[],
  fashion: SweepTables,
): Promise<Map<string, string>> {
  const own = await Promise.all(folders.map(figuresOfFolder));
  return new Map([...own.flat(), ["fashion-ablation", await svgFileOf(ablationSpec(fashion))]]);
}
