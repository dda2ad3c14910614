/** Names beside the points of a plot, so that none is on another; pixels, y downwards. */

/** A point with its name, and the ends of the line drawn through it. */
export interface NamedPoint {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly from: number;
  readonly to: number;
}

/** Where a name is: the middle of its left edge, of its right edge, or of the whole. */
export interface Place {
  readonly align: "left" | "right" | "center";
  readonly x: number;
  readonly y: number;
  /** Where a line from the point to the name ends; undefined where the name is beside it. */
  readonly lead?: { readonly x: number; readonly y: number };
}

type Box = readonly [left: number, right: number, top: number, bottom: number];
type Line = readonly [x0: number, y0: number, x1: number, y1: number];

/** A place that a name may have. */
interface Candidate extends Place {
  readonly box: Box;
  readonly line?: Line;
  /** How far it is, and how bad whatever names the other points have. */
  readonly cost: number;
}

const LETTER = { width: 6.5, height: 16 } as const; // of a name in 11 px, with room
const RADIUS = 5; // of a point, with some room
const ROUNDS = 4; // in which every name may move once more; two mend what the first leaves
const STARTS = 8; // names to begin with, of which the best outcome is kept

/** Places beside a point, as seen from it, best first. */
const BESIDE = [
  ...[-1, 1].map((side) => ({ dx: 8, dy: 11 * side })),
  ...[-1, 1].map((side) => ({ dx: -8, dy: 11 * side })),
  ...[1, -1].map((side) => ({ dx: 9 * side, dy: 0 })),
  ...[-1, 1].map((side) => ({ dx: 0, dy: 13 * side })),
];
/** Distances of places farther away. */
const RINGS = [24, 36, 48, 60, 76, 96, 120, 150, 185, 225, 270];
const DIRECTIONS = 32;

/** What may be wrong with a place, worst first; a pixel of distance costs 1. */
const COSTS = {
  onName: 10_000,
  onPoint: 4000,
  leadOnName: 2000,
  leadsCross: 1000,
  leadOnPoint: 500,
  nearOther: 300, // beside its own point, and no farther from another
  onLine: 12,
};

function boxOf(name: string, { align, x, y }: Place): Box {
  const width = name.length * LETTER.width;
  const left = align === "left" ? x : align === "right" ? x - width : x - width / 2;
  return [left, left + width, y - LETTER.height / 2, y + LETTER.height / 2];
}

const overlap = (a: Box, b: Box) => a[0] < b[1] && b[0] < a[1] && a[2] < b[3] && b[2] < a[3];

/** Whether a line goes through a box. */
function touches([x0, y0, x1, y1]: Line, [left, right, top, bottom]: Box): boolean {
  if (Math.max(x0, x1) <= left || Math.min(x0, x1) >= right) return false;
  if (Math.max(y0, y1) <= top || Math.min(y0, y1) >= bottom) return false;
  // Whether the corners are not all on one side of it.
  const side = (x: number, y: number) => (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0);
  const sides = [side(left, top), side(right, top), side(left, bottom), side(right, bottom)];
  return Math.min(...sides) < 0 && Math.max(...sides) > 0;
}

/** Whether two lines cross. */
function cross(a: Line, b: Line): boolean {
  const side = ([x0, y0, x1, y1]: Line, x: number, y: number) =>
    Math.sign((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0));
  const parted = (of: Line, [x0, y0, x1, y1]: Line) => side(of, x0, y0) * side(of, x1, y1) < 0;
  return parted(a, b) && parted(b, a);
}

/** A place so far from a point in a direction, with a line that leads there. */
function led({ x, y }: NamedPoint, distance: number, angle: number): Place {
  const [dx, dy] = [distance * Math.cos(angle), distance * Math.sin(angle)];
  const lead = { x: x + dx, y: y + dy };
  if (Math.abs(dx) < 1)
    return { align: "center", x: lead.x, y: lead.y + (Math.sign(dy) * LETTER.height) / 2, lead };
  return { align: dx > 0 ? "left" : "right", x: lead.x + 2 * Math.sign(dx), y: lead.y, lead };
}

/** A place with what is wrong with it among points without names. */
function candidate(
  own: NamedPoint,
  place: Place,
  distance: number,
  points: readonly NamedPoint[],
): Candidate {
  const box = boxOf(own.name, place);
  const line: Line | undefined = place.lead && [own.x, own.y, place.lead.x, place.lead.y];
  const away = ({ x, y }: NamedPoint) => Math.hypot(place.x - x, place.y - y);
  let cost = distance;
  for (const point of points) {
    const { x, y, from, to } = point;
    const dot: Box = [x - RADIUS, x + RADIUS, y - RADIUS, y + RADIUS];
    if (overlap(box, dot)) cost += COSTS.onPoint;
    if (overlap(box, [from, to, y - 1, y + 1])) cost += COSTS.onLine;
    if (point === own) continue;
    if (!line && away(point) <= away(own)) cost += COSTS.nearOther;
    if (line && touches(line, dot)) cost += COSTS.leadOnPoint;
  }
  return { ...place, box, cost, ...(line && { line }) };
}

/** Every place that a name may have, the best first. */
function candidates(
  own: NamedPoint,
  points: readonly NamedPoint[],
  width: number,
  height: number,
): Candidate[] {
  const beside = BESIDE.map(({ dx, dy }, i) => {
    const align = dx > 0 ? "left" : dx < 0 ? "right" : "center";
    return candidate(own, { align, x: own.x + dx, y: own.y + dy }, i, points);
  });
  const angles = Array.from({ length: DIRECTIONS }, (_, i) => (2 * Math.PI * i) / DIRECTIONS);
  const around = RINGS.flatMap((distance) =>
    angles.map((angle) => candidate(own, led(own, distance, angle), distance, points)),
  );
  const inside = [...beside, ...around].filter(
    ({ box: [left, right, top, bottom] }) =>
      left >= 0 && right <= width && top >= 0 && bottom <= height,
  );
  // A name that is longer than the plot has no place inside.
  return (inside.length > 0 ? inside : beside).sort((a, b) => a.cost - b.cost);
}

/** What is wrong with two places together. */
function conflict(a: Candidate, b: Candidate): number {
  let cost = overlap(a.box, b.box) ? COSTS.onName : 0;
  if (a.line && touches(a.line, b.box)) cost += COSTS.leadOnName;
  if (b.line && touches(b.line, a.box)) cost += COSTS.leadOnName;
  if (a.line && b.line && cross(a.line, b.line)) cost += COSTS.leadsCross;
  return cost;
}

/** What is wrong with a place among the others. */
const costAmong = (place: Candidate, others: readonly Candidate[]) =>
  others.reduce((sum, other) => sum + conflict(place, other), place.cost);

/** Places found in turns from one name on: each takes the best that the others leave. */
function placedFrom(first: number, all: readonly (readonly Candidate[])[]): Candidate[] {
  const places: (Candidate | undefined)[] = all.map(() => undefined);
  for (let turn = 0; turn < ROUNDS * all.length; turn++) {
    const i = (first + turn) % all.length;
    const others = places.filter((place, j): place is Candidate => j !== i && place !== undefined);
    let least = Number.POSITIVE_INFINITY;
    for (const place of all[i]!) {
      if (place.cost >= least) break; // nor can those behind it be better
      const cost = costAmong(place, others);
      if (cost < least) [least, places[i]] = [cost, place];
    }
  }
  return places as Candidate[];
}

/** What is wrong with all places together. */
const totalCost = (places: readonly Candidate[]) =>
  places.reduce((sum, place, i) => sum + costAmong(place, places.slice(i + 1)), 0);

/**
 * A place for each name inside a plot: beside its point where there is room, else farther away with
 * a line that leads to it.
 */
export function placeNames(points: readonly NamedPoint[], width: number, height: number): Place[] {
  const all = points.map((own) => candidates(own, points, width, height));
  const found = points.slice(0, STARTS).map((_, first) => placedFrom(first, all));
  const costs = found.map(totalCost);
  return found[costs.indexOf(Math.min(...costs))] ?? [];
}
