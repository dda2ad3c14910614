/** Accuracy against attack success: where each setting of a sweep stands. */
import type { TopLevelSpec } from "vega-lite";
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
const POINT = { size: 60, radius: 4 } as const; // square pixels; pixels
const SHIFT = { x: 8, y: 11 } as const; // pixels from a point to its name's edge, and to its middle
const LETTER = { width: 6, height: 13 } as const; // pixels, about
const TICK = 0.2; // the axes end at a multiple

const X = {
  type: "quantitative" as const,
  scale: { domain: [0, 1] },
  axis: { title: "attack success", format: ".0%", tickCount: 5 },
};

const yTo = (top: number) => ({
  field: "accuracy",
  type: "quantitative" as const,
  scale: { domain: [0, top] },
  axis: { title: "zero-shot accuracy", format: ".0%", tickCount: 5 },
});

/** Where a name is, as seen from its point. */
const CORNERS = [
  { align: "left", below: false },
  { align: "left", below: true },
  { align: "right", below: false },
  { align: "right", below: true },
] as const;

type Corner = (typeof CORNERS)[number];

/** The pixels that a name covers: left, right, top, bottom. */
function boxOf({ setting, accuracy, success }: Standing, { align, below }: Corner, top: number) {
  const x = success! * SIZE.width + (align === "left" ? SHIFT.x : -SHIFT.x);
  const y = (1 - accuracy! / top) * SIZE.height + (below ? SHIFT.y : -SHIFT.y);
  const [width, height] = [setting.length * LETTER.width, LETTER.height];
  const left = align === "left" ? x : x - width;
  return [left, left + width, y - height / 2, y + height / 2] as const;
}

/** The corner of each name: the first that is in the plot and on no name or point before it. */
function cornersOf(points: readonly Standing[], top: number): number[] {
  const taken = points.map((point) => {
    const [x, y] = [point.success! * SIZE.width, (1 - point.accuracy! / top) * SIZE.height];
    const { radius } = POINT;
    return [x - radius, x + radius, y - radius, y + radius] as readonly number[];
  });
  return points.map((point) => {
    const boxes = CORNERS.map((corner) => boxOf(point, corner, top));
    const free = boxes.findIndex(
      ([left, right, up, down]) =>
        left >= 0 &&
        right <= SIZE.width &&
        taken.every(([l, r, u, d]) => right < l! || left > r! || down < u! || up > d!),
    );
    const chosen = free < 0 ? (point.success! < 1 / 2 ? 0 : 2) : free;
    taken.push(boxes[chosen]!);
    return chosen;
  });
}

/** The names that are at one corner of their points. */
const namesAt = (i: number, { align, below }: Corner, y: ReturnType<typeof yTo>) => ({
  transform: [{ filter: `datum.corner === ${i}` }],
  mark: {
    type: "text" as const,
    align,
    baseline: "middle" as const,
    dx: align === "left" ? SHIFT.x : -SHIFT.x,
    dy: below ? SHIFT.y : -SHIFT.y,
    color: "currentColor",
  },
  encoding: { x: { ...X, field: "success" }, y, text: { field: "setting" } },
});

/** Each setting as a point with its name; the interval of its attack success as a line. */
function specOf(points: readonly Standing[]): TopLevelSpec {
  const most = Math.max(...points.map(({ accuracy }) => accuracy!));
  const top = Math.max(TICK, Math.ceil(most / TICK) * TICK);
  const y = yTo(top);
  const corners = cornersOf(points, top);
  return {
    ...SIZE,
    padding: 4,
    config: AXES,
    data: { values: points.map((point, i) => ({ ...point, corner: corners[i] })) },
    layer: [
      {
        mark: { type: "rule", color: "currentColor", opacity: 0.35 },
        encoding: { x: { ...X, field: "low" }, x2: { field: "high" }, y },
      },
      {
        mark: { type: "point", filled: true, opacity: 1, size: POINT.size, color: "var(--roclip)" },
        encoding: { x: { ...X, field: "success" }, y },
      },
      ...CORNERS.map((corner, i) => namesAt(i, corner, y)),
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
  "Up is more accurate, left is safer. Lines: 95% intervals of the attack's success.";

/** The plots of attacks, those left out that no setting was measured by. */
export async function tradeoffPlots(tradeoffs: readonly Tradeoff[]): Promise<Plot[]> {
  const plots = tradeoffs.map(async ({ title, standings }) => {
    const measured = ({ accuracy, success }: Standing) => accuracy !== null && success !== null;
    const points = standings.filter(measured);
    return points.length > 0 ? [{ title, ...SIZE, svg: await svgOf(specOf(points)) }] : [];
  });
  return (await Promise.all(plots)).flat();
}
