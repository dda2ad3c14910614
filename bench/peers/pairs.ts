/** Two runs in turns, and what their times say. Nothing here knows a device. */
import { deciles } from "../harness.ts";

/** One run of ours and one of a peer's right after it; ms. */
export interface Pair {
  readonly oursMs: number;
  readonly peerMs: number;
}

/** What the pairs of one job and one peer come to. */
export interface Ratio {
  /** Medians of each side. */
  readonly oursMs: number;
  readonly peerMs: number;
  /** Deciles of peerMs / oursMs, pair by pair: above 1 where ours is faster. */
  readonly ratio: number;
  readonly p10: number;
  readonly p90: number;
  readonly pairs: number;
}

/** A line of the table, as `--json` writes it. */
export interface PeerRow extends Ratio {
  readonly op: string;
  readonly shape: string;
  readonly peer: string;
  /** Entries of the results that were compared with the reference. */
  readonly checked: number;
}

/** An op over all its shapes. */
export interface Summary {
  readonly op: string;
  readonly shapes: number;
  /** Geometric mean of the ratio against the fastest peer at each shape. */
  readonly ratio: number;
}

const LEAST_PAIRS = 7; // for a median and two deciles …
const PATIENCE_S = 30; // … but not worth more time than this:
const FEWEST_PAIRS = 3; // then these must do
const WARM_UP = 2; // runs of each, after those whose results were checked
const MS_PER_S = 1000;

/**
 * Run ours and a peer's in turns: ours, peer, ours, peer … What slows the machine for a while then
 * slows both sides of a pair.
 *
 * @param ours, peer  do the work once and say how long it took; ms
 * @param seconds     how long to go on; seven pairs at least, but three if more take half a minute
 */
export async function inTurns(
  ours: () => Promise<number>,
  peer: () => Promise<number>,
  seconds: number,
): Promise<Pair[]> {
  const turn = async () => ({ oursMs: await ours(), peerMs: await peer() });
  for (let i = 0; i < WARM_UP; i++) await turn();
  const pairs: Pair[] = [];
  const start = performance.now();
  const wanted = () => {
    const passed = (performance.now() - start) / MS_PER_S;
    const least = passed < PATIENCE_S ? LEAST_PAIRS : FEWEST_PAIRS;
    return pairs.length < least || passed < seconds;
  };
  while (wanted()) pairs.push(await turn());
  return pairs;
}

/** Medians, and deciles of the ratio pair by pair. */
export function ratioOf(pairs: readonly Pair[]): Ratio {
  const { p10, median, p90 } = deciles(pairs.map(({ oursMs, peerMs }) => peerMs / oursMs));
  return {
    oursMs: deciles(pairs.map(({ oursMs }) => oursMs)).median,
    peerMs: deciles(pairs.map(({ peerMs }) => peerMs)).median,
    ratio: median,
    p10,
    p90,
    pairs: pairs.length,
  };
}

/** The n-th root of the product of n positive numbers. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Every op against whichever peer is fastest at each of its shapes, in the rows' order. */
export function summarise(rows: readonly Pick<PeerRow, "op" | "shape" | "ratio">[]): Summary[] {
  const fastest = new Map<string, Map<string, number>>();
  for (const { op, shape, ratio } of rows) {
    const shapes = fastest.get(op) ?? new Map<string, number>();
    fastest.set(op, shapes.set(shape, Math.min(ratio, shapes.get(shape) ?? ratio)));
  }
  return [...fastest].map(([op, shapes]) => ({
    op,
    shapes: shapes.size,
    ratio: geometricMean([...shapes.values()]),
  }));
}
