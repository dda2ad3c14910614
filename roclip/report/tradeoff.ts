/** Accuracy against attack success: where each setting of a sweep stands. */
import type { TopLevelSpec } from "vega-lite";
import { type Place, placeNames } from "./placeNames.ts";
import { AXES, type Plot, svgOf } from "./svg.ts";

/** A setting as a point: shares in [0, 1], null where not measured. */
export interface Standing {
  readonly setting: string;
  readonly accuracy: number | null;
  /** Success of the attack and its 95% interval. */
  readonly success: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

const SIZE = { width: 440, height: 300 } as const; // pixels
const POINT = 60; // square pixels
const TICK = 0.2; // the axis of accuracy begins and ends at a multiple

const X = {
  type: "quantitative" as const,
  scale: { domain: [0, 1] },
  axis: { title: "attack success", format: ".0%", tickCount: 5 },
};

/** The least and the largest accuracy of an axis. */
type Range = readonly [bottom: number, top: number];

/** The multiples that points lie between: on a whole axis they would be few pixels apart. */
function rangeOf(points: readonly Standing[]): Range {
  const ticks = points.map(({ accuracy }) => accuracy! / TICK);
  const bottom = Math.floor(Math.min(...ticks));
  return [bottom * TICK, Math.max(bottom + 1, Math.ceil(Math.max(...ticks))) * TICK];
}

const yIn = ([bottom, top]: Range) => ({
  field: "accuracy",
  type: "quantitative" as const,
  scale: { domain: [bottom, top] },
  axis: { title: "zero-shot accuracy", format: ".0%", tickCount: 5 },
});

/** A point as it is drawn: its name's place, and the end of the line that leads there, if any. */
interface Drawn extends Standing, Pick<Place, "align"> {
  readonly nameX: number;
  readonly nameY: number;
  readonly leadX: number | null;
  readonly leadY: number | null;
}

/** The points with places for their names, in the units of the axes. */
function drawn(points: readonly Standing[], [bottom, top]: Range): Drawn[] {
  const { width, height } = SIZE;
  const named = points.map(({ setting, accuracy, success, low, high }) => ({
    name: setting,
    x: success! * width,
    y: ((top - accuracy!) / (top - bottom)) * height,
    from: (low ?? success!) * width,
    to: (high ?? success!) * width,
  }));
  const yOf = (y: number) => top - (y / height) * (top - bottom);
  return placeNames(named, width, height).map(({ align, x, y, lead }, i) => ({
    ...points[i]!,
    align,
    ...{ nameX: x / width, nameY: yOf(y) },
    ...(lead ? { leadX: lead.x / width, leadY: yOf(lead.y) } : { leadX: null, leadY: null }),
  }));
}

/** The names that lie on one side of their places. */
const names = (align: Place["align"], y: ReturnType<typeof yIn>) => ({
  transform: [{ filter: `datum.align === "${align}"` }],
  mark: { type: "text" as const, align, baseline: "middle" as const, color: "currentColor" },
  encoding: {
    x: { ...X, field: "nameX" },
    y: { ...y, field: "nameY" },
    text: { field: "setting" },
  },
});

/** Each setting as a point with its name; the interval of its attack success as a line. */
function specOf(points: readonly Standing[]): TopLevelSpec {
  const range = rangeOf(points);
  const y = yIn(range);
  const at = { x: { ...X, field: "success" }, y };
  return {
    ...SIZE,
    padding: 4,
    config: AXES,
    data: { values: drawn(points, range) },
    layer: [
      {
        mark: { type: "rule", color: "currentColor", opacity: 0.35 },
        encoding: { x: { ...X, field: "low" }, x2: { field: "high" }, y },
      },
      {
        transform: [{ filter: "datum.leadX !== null" }],
        mark: { type: "rule", color: "currentColor", opacity: 0.7, strokeWidth: 0.7 },
        encoding: { ...at, x2: { field: "leadX" }, y2: { field: "leadY" } },
      },
      {
        mark: { type: "point", filled: true, opacity: 1, size: POINT, color: "var(--roclip)" },
        encoding: at,
      },
      ...(["left", "right", "center"] as const).map((align) => names(align, y)),
    ],
  };
}

/** Where settings stand by one attack. */
export interface Tradeoff {
  /** Which success is meant. */
  readonly title: string;
  readonly standings: readonly Standing[];
}

/** How a plot is read. */
export const READING =
  "Up is more accurate, left is safer. Lines: 95% intervals of the attack's success. " +
  "Settings run under fewer seeds than others are in the table alone.";

/** The plots of attacks, those left out that no setting was measured by. */
export async function tradeoffPlots(tradeoffs: readonly Tradeoff[]): Promise<Plot[]> {
  const plots = tradeoffs.map(async ({ title, standings }) => {
    const measured = ({ accuracy, success }: Standing) => accuracy !== null && success !== null;
    const points = standings.filter(measured);
    return points.length > 0 ? [{ title, ...SIZE, svg: await svgOf(specOf(points)) }] : [];
  });
  return (await Promise.all(plots)).flat();
}
