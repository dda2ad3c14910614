/** Our times beside other engines', op by op, against what was aimed at. */
import { geometricMean, type PeerRow } from "../peers/pairs.ts";
import type { Folder } from "./files.ts";
import { atLeast, digits, machineText, table } from "./markdown.ts";

/** How many times as fast as the fastest peer each op should be, by geometric mean. */
const TARGETS: Readonly<Record<string, number>> = {
  matmul: 1.5,
  conv2d: 1.3,
  "conv2d + gradients": 1.5,
  softmax: 1.5,
  "softmax + gradients": 1.5,
  "layernorm + gradients": 1.5,
  "attention + gradients": 2,
  "top-1": 2,
};

/** The same of a training step, by peer. */
const STEP = "training step";
const STEP_TARGETS: Readonly<Record<string, number>> = { tfjs: 3, "jax-js": 1.5 };

type Peers = NonNullable<Folder["peers"]>;

const unique = (texts: readonly string[]) => [...new Set(texts)];

/** The geometric mean over the shapes of an op beside one peer; undefined if it has none. */
function meanOf(rows: readonly PeerRow[], op: string, peer: string): number | undefined {
  const own = rows.filter((row) => row.op === op && row.peer === peer);
  return own.length > 0 ? geometricMean(own.map(({ ratio }) => ratio)) : undefined;
}

function targetRows({ rows, summary }: Peers): string[][] {
  const ops = summary.filter(({ op }) => op !== STEP);
  const byOp = ops.map(({ op, shapes, ratio }) => {
    const target = TARGETS[op];
    const text = digits(ratio);
    if (target === undefined) return [op, "the fastest", String(shapes), text, "none set"];
    return [op, "the fastest", String(shapes), atLeast(text, ratio, target), `≥ ${target}`];
  });
  const steps = rows.filter(({ op }) => op === STEP);
  const byPeer = steps.map(({ peer, ratio }) => {
    const target = Object.entries(STEP_TARGETS).find(([name]) => peer.startsWith(name))?.[1];
    const verdict = target ? atLeast(digits(ratio), ratio, target) : digits(ratio);
    return [STEP, peer, "1", verdict, target ? `≥ ${target}` : "none set"];
  });
  return [...byOp, ...byPeer];
}

function eachPeer({ rows }: Peers): string {
  const peers = unique(rows.map(({ peer }) => peer));
  const lines = unique(rows.map(({ op }) => op)).map((op) => {
    const means = peers.map((peer) => meanOf(rows, op, peer));
    return [op, ...means.map((mean) => (mean === undefined ? "–" : digits(mean)))];
  });
  return table(["op", ...peers], lines);
}

/** The section; figures stand above it. */
export function peersSection(peers: Peers, figure: string): string {
  const { missing, machine, device = "" } = peers;
  const failed = missing.filter(({ reason }) => reason.startsWith("failed"));
  const lines = failed.map(
    ({ op, shape, peer, reason }) => `* ${op}, ${shape}, ${peer}: ${reason}`,
  );
  return [
    `### Beside other engines`,
    machine ? machineText(machine) : `*${device}; machine and date were not recorded*`,
    "A peer's time over ours, run in turns on the same adapter; above 1 ours is faster. Geometric " +
      "means over an op's shapes, against whichever peer is fastest at each. FAISS runs on the CPU " +
      "without WebGPU and stands in the second table for the record. The shapes are in " +
      "`bench/peers/jobs`; how each peer is run, and which engines are none and why, in " +
      "`bench/peers/README.md`.",
    table(["op", "against", "shapes", "times as fast", "target"], targetRows(peers)),
    figure,
    "Beside each peer (–: it cannot):",
    eachPeer(peers),
    ...(lines.length > 0 ? [lines.join("\n")] : []),
  ].join("\n\n");
}
