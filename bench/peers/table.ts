/** The comparison as text of at most 120 columns, a line at a time. */
import type { PeerRow, Summary } from "./pairs.ts";

const OP = 21;
const SHAPE = 42;
const PEER = 22;
const MS = 7;

const digits = (x: number) => x.toFixed(x < 10 ? 2 : x < 100 ? 1 : 0);
const head = (op: string, shape: string, peer: string) =>
  `${op.padEnd(OP)} ${shape.padEnd(SHAPE)} ${peer.padEnd(PEER)}`;

/** The head of the table. */
export function formatPeersHead(): string {
  const titles = `${"ours ms".padStart(MS)} ${"peer ms".padStart(MS)} ratio [p10–p90]`;
  return `${head("op", "shape", "peer")} ${titles}`;
}

/** One op, one shape, one peer. */
export function formatPeerRow({
  op,
  shape,
  peer,
  oursMs,
  peerMs,
  ratio,
  p10,
  p90,
}: PeerRow): string {
  const times = [oursMs, peerMs].map((ms) => digits(ms).padStart(MS)).join(" ");
  return `${head(op, shape, peer)} ${times} ${digits(ratio)} [${digits(p10)}–${digits(p90)}]`;
}

/** A line without times, and why. */
export function formatWithout(op: string, shape: string, peer: string, reason: string): string {
  return `${head(op, shape, peer)} ${reason}`;
}

/** Every op against the fastest peer at each of its shapes. */
export function formatSummary(summaries: readonly Summary[]): string {
  const lines = summaries.map(({ op, shapes, ratio }) => {
    return `${op.padEnd(OP)} ${digits(ratio).padStart(6)}   ${shapes} shape${shapes > 1 ? "s" : ""}`;
  });
  const title =
    "fastest peer's time / ours, geometric mean over the shapes (above 1: ours is faster)";
  return [title, ...lines].join("\n");
}
