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
const LABEL_SHIFT = 8; // pixels from a point to its name

const X = {
  type: "quantitative" as const,
  scale: { domain: [0, 1] },
  axis: { title: "attack success", format: ".0%", tickCount: 5 },
};

const Y = {
  field: "accuracy",
  type: "quantitative" as const,
  scale: { zero: true },
  axis: { title: "zero-shot accuracy", format: ".0%", tickCount: 5 },
};

/** The names of the settings on one side of their points. */
const names = (filter: string, align: "left" | "right", dx: number) => ({
  transform: [{ filter }],
  mark: { type: "text" as const, align, dx, dy: -LABEL_SHIFT, color: "currentColor" },
  encoding: { x: { ...X, field: "success" }, y: Y, text: { field: "setting" } },
});

/** Each setting as a point with its name; the interval of its attack success as a line. */
function specOf(points: readonly Standing[]): TopLevelSpec {
  // In the left half of the plot names go right, and the other way round: none is cut.
  const left = "datum.success < 0.5";
  return {
    ...SIZE,
    padding: 4,
    config: AXES,
    data: { values: [...points] },
    layer: [
      {
        mark: { type: "rule", color: "currentColor", opacity: 0.35 },
        encoding: { x: { ...X, field: "low" }, x2: { field: "high" }, y: Y },
      },
      {
        mark: { type: "point", filled: true, opacity: 1, size: 60, color: "var(--roclip)" },
        encoding: { x: { ...X, field: "success" }, y: Y },
      },
      names(left, "left", LABEL_SHIFT),
      names(`!(${left})`, "right", -LABEL_SHIFT),
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
